// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("uprobe//proc/self/exe:uprobed_add")
int BPF_KPROBE(on_add, int a, int b)
{
	bpf_printk("uprobed_add ENTRY: a = %d, b = %d", a, b);
	return 0;
}

SEC("uretprobe//proc/self/exe:uprobed_add")
int BPF_KRETPROBE(on_sum, int result)
{
	bpf_printk("uprobed_add EXIT: return = %d", result);
	return 0;
}
