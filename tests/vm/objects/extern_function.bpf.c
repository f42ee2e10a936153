// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A function of the kernel that programs may call (Linux 6.0). */
#include "object.h"

extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

SEC("tp_btf/task_newtask") int BPF_PROG(takes, struct task_struct *task, __u64 flags)
{
	struct task_struct *taken = bpf_task_acquire(task);

	if (taken)
		bpf_task_release(taken);
	return 0;
}

IDLE(beside, "raw_tp/sched_process_exec")
