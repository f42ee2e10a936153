// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("fentry/do_unlinkat")
int BPF_PROG(on_unlink, int directory, struct filename *file)
{
	int pid = bpf_get_current_pid_tgid() >> 32;

	bpf_printk("fentry: pid = %d, filename = %s\n", pid, file->name);
	return 0;
}

SEC("fexit/do_unlinkat")
int BPF_PROG(on_return, int directory, struct filename *file, long result)
{
	bpf_printk("fexit: ret = %ld\n", result);
	return 0;
}
