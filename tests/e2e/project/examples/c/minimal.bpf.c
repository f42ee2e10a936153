// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Says so whenever the process `watched` writes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

unsigned int watched = 0;

SEC("tp/syscalls/sys_enter_write")
int on_write(void *context)
{
	unsigned int pid = bpf_get_current_pid_tgid() >> 32;

	if (pid == watched)
		bpf_printk("BPF triggered from PID %d.\n", pid);
	return 0;
}
