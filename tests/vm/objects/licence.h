/* SPDX-License-Identifier: BSD-2-Clause */
/* What is for programs under the GPL alone: some helpers, and some kinds of program. */
#ifndef LICENCE_H
#define LICENCE_H

#include "object.h"

IDLE(probe, "kprobe/vfs_unlink")
IDLE(tracepoint, "tp/sched/sched_process_exec")
IDLE(filter, "socket")
IDLE(entry, "fentry/vfs_unlink")
IDLE(hook, "lsm/file_open")
IDLE(walk, "iter/task")
IDLE(by_btf, "tp_btf/sched_process_exec")

SEC("kprobe/vfs_unlink") int any_may(void *context)
{
	return bpf_get_smp_processor_id() == 12345;
}

SEC("kprobe/vfs_unlink") int reads_kernel(void *context)
{
	char buffer[8];

	return bpf_probe_read_kernel(buffer, sizeof(buffer), context) == 12345;
}

SEC("kprobe/vfs_unlink") int prints(void *context)
{
	bpf_printk("not for everybody");
	return 0;
}

SEC("fentry/vfs_unlink") int entry_asks_time(void *context)
{
	bpf_ktime_get_ns();
	return 0;
}

SEC("fentry/vfs_unlink") int entry_any_may(void *context)
{
	bpf_get_smp_processor_id();
	return 0;
}

#endif
