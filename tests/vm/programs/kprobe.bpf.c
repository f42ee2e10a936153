// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe/do_unlinkat")
int BPF_KPROBE(on_unlink, int directory, struct filename *file)
{
	int pid = bpf_get_current_pid_tgid() >> 32;
	const char *name = BPF_CORE_READ(file, name);

	bpf_printk("KPROBE ENTRY pid = %d, filename = %s\n", pid, name);
	return 0;
}

SEC("kretprobe/do_unlinkat")
int BPF_KRETPROBE(on_return, long result)
{
	bpf_printk("KPROBE EXIT: ret = %ld\n", result);
	return 0;
}
