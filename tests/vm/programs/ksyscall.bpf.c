// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

SEC("ksyscall/tgkill")
int BPF_KSYSCALL(on_tgkill, pid_t group, pid_t thread, int number)
{
	int caller = bpf_get_current_pid_tgid() >> 32;

	/* Four values: bpf_printk then calls trace_vprintk, which is of Linux 5.16. */
	if (number)
		bpf_printk("tgkill by %d: %d %d %d", caller, group, thread, number);
	return 0;
}

SEC("ksyscall/kill")
int BPF_KSYSCALL(on_kill, pid_t pid, int number)
{
	int caller = bpf_get_current_pid_tgid() >> 32;
	char name[16];

	bpf_get_current_comm(name, sizeof(name));
	if (number)
		bpf_printk("KILL syscall called by PID %d (%s) for PID %d with signal",
			   caller, name, pid);
	return 0;
}
