// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How many parameters a program reads, and how many its function has. */
#include "object.h"

READS(first, "fentry/vfs_unlink", 0)
READS(second, "fentry/vfs_unlink", 1)
READS(eleventh, "fentry/vfs_unlink", 10)
READS(value, "fexit/vfs_getattr", 4)
READS(value_of_three, "fexit/security_bpf", 3)
READS(value_of_four, "fexit/security_bpf", 4)
READS(value_at_entry, "fentry/security_bpf", 3)
READS(twentieth_register, "kprobe/vfs_unlink", 19)
READS(beyond_registers, "kprobe/vfs_unlink", 40)

#define RETURNS(name, section, value) \
	SEC(section) int name(void *context) \
	{ \
		return value; \
	}

RETURNS(entry_with_one, "fentry/vfs_unlink", 1)
RETURNS(leaving_with_one, "fexit/vfs_unlink", 1)
RETURNS(tracepoint_with_one, "tp_btf/sched_process_exec", 1)
RETURNS(walk_with_one, "iter/task", 1)
RETURNS(walk_with_two, "iter/task", 2)
RETURNS(raw_with_two, "raw_tp/sched_process_exec", 2)

/* Which of two it returns, it decides by what it is told. */
SEC("fentry/vfs_unlink") int entry_with_either(void *context)
{
	return bpf_get_prandom_u32() == 12345 ? 5 : 0;
}

SEC("raw_tp/sched_process_exec") int raw_with_either(void *context)
{
	return bpf_get_prandom_u32() == 12345 ? 5 : 0;
}
