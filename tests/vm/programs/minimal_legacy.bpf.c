// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No global data, which is of Linux 5.2: the process id is in a map. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, int);
} own_pid SEC(".maps");

SEC("tp/syscalls/sys_enter_write")
int on_write(void *context)
{
	char format[] = "BPF triggered from PID %d.\n";
	int pid = bpf_get_current_pid_tgid() >> 32;
	__u32 first = 0;
	int *own = bpf_map_lookup_elem(&own_pid, &first);

	if (own && *own == pid)
		bpf_trace_printk(format, sizeof(format), pid);
	return 0;
}
