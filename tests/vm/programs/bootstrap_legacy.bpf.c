// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same through a perf event array, for kernels without ring buffer. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "events.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, pid_t);
	__type(value, __u64);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

SEC("tp/sched/sched_process_exec")
int on_exec(void *context)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	pid_t pid = bpf_get_current_pid_tgid() >> 32;
	__u64 now = bpf_ktime_get_ns();
	struct started event = {};

	bpf_map_update_elem(&starts, &pid, &now, BPF_ANY);
	event.pid = pid;
	event.parent = BPF_CORE_READ(task, real_parent, tgid);
	bpf_get_current_comm(event.name, sizeof(event.name));
	bpf_perf_event_output(context, &events, BPF_F_CURRENT_CPU, &event, sizeof(event));
	return 0;
}

SEC("tp/sched/sched_process_exit")
int on_exit(void *context)
{
	pid_t pid = bpf_get_current_pid_tgid() >> 32;

	bpf_map_delete_elem(&starts, &pid);
	return 0;
}
