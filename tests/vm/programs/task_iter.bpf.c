// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "events.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter/task")
int on_task(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct task found = {};
	__u64 stack[16];

	if (!task)
		return 0;
	found.pid = task->tgid;
	found.stack = bpf_get_task_stack(task, stack, sizeof(stack), 0);
	bpf_probe_read_kernel_str(found.name, sizeof(found.name), task->comm);
	bpf_seq_write(context->meta->seq, &found, sizeof(found));
	return 0;
}
