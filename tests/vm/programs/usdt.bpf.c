// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

int own_pid = 0;

/* libbpf puts this one on the libc that it finds, for every process that runs on it. */
SEC("usdt/libc.so.6:libc:setjmp")
int BPF_USDT(on_any_setjmp, void *place, int mask, void *back)
{
	int pid = bpf_get_current_pid_tgid() >> 32;

	if (pid == own_pid)
		bpf_printk("USDT auto attach to libc:setjmp: %lx %d %lx", place, mask, back);
	return 0;
}

SEC("usdt")
int BPF_USDT(on_own_setjmp, void *place, int mask, void *back)
{
	bpf_printk("USDT manual attach to libc:setjmp: %lx %d %lx", place, mask, back);
	return 0;
}
