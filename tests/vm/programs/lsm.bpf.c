// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("lsm/bpf")
int BPF_PROG(on_bpf, int command, union bpf_attr *attributes, unsigned int size, int before)
{
	if (before)
		return before;
	bpf_printk("LSM: block bpf() worked");
	return -1; /* EPERM */
}
