// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "events.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

SEC("perf_event")
int on_sample(void *context)
{
	struct sample *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->cpu = bpf_get_smp_processor_id();
	bpf_get_current_comm(event->name, sizeof(event->name));
	event->in_kernel = bpf_get_stack(context, event->kernel, sizeof(event->kernel), 0);
	event->in_user =
		bpf_get_stack(context, event->user, sizeof(event->user), BPF_F_USER_STACK);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
