// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

int own_pid = 0;
unsigned long long device = 0, inode = 0;

SEC("tp/syscalls/sys_enter_write")
int on_write(void *context)
{
	struct bpf_pidns_info inside = {};

	bpf_get_ns_current_pid_tgid(device, inode, &inside, sizeof(inside));
	if (inside.pid == own_pid)
		bpf_printk("BPF triggered from PID %d.\n", inside.pid);
	return 0;
}
