// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* LSM hooks, and what a program returns: since Linux 6.12 (commit 5d99e198be27) the verifier wants
 * to know that. bpf(2)'s hook has three parameters, or four in later releases. */
#include "object.h"

IDLE(plain, "lsm/bpf")
IDLE(of_file, "lsm/file_open")
IDLE(without_value, "lsm/task_free")
IDLE(missing, "lsm/no_such_hook")
IDLE(no_name, "lsm")
IDLE(of_cgroup, "lsm_cgroup/socket_bind") /* Linux 6.0 */

SEC("lsm/bpf") int BPF_PROG(three, int command, void *attributes, unsigned int size, int before)
{
	return before;
}

SEC("lsm/bpf")
int BPF_PROG(four, int command, void *attributes, unsigned int size, _Bool kernel, int before)
{
	return before;
}

SEC("lsm/bpf")
int BPF_PROG(three_asking, int command, void *attributes, unsigned int size, int before)
{
	if (before)
		return before;
	return command == 12345 ? -1 : 0;
}

SEC("lsm/bpf") int BPF_PROG(returns_command, int command)
{
	return command;
}

SEC("lsm/bpf") int BPF_PROG(returns_one, int command)
{
	return command == 12345;
}

SEC("lsm/bpf") int BPF_PROG(three_but_zero, int command, void *attributes, unsigned int size, int before)
{
	return before == 12345 ? -1 : 0;
}

SEC("lsm/file_open") int BPF_PROG(file_and_before, void *file, int before)
{
	return before;
}

SEC("lsm/file_open") int BPF_PROG(file_and_another, void *file, void *other, int before)
{
	return before;
}
