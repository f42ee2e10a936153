// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Tells of every process that starts, through a ring buffer; its parent is read with CO-RE. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct started {
	int pid;
	int parent;
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} started SEC(".maps");

SEC("tp/sched/sched_process_exec")
int on_exec(void *context)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct started *event = bpf_ringbuf_reserve(&started, sizeof(*event), 0);

	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->parent = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event->name, sizeof(event->name));
	bpf_ringbuf_submit(event, 0);
	return 0;
}
