// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int on_packet(struct __sk_buff *packet)
{
	struct ethhdr *ethernet = (void *)(long)packet->data;
	void *end = (void *)(long)packet->data_end;
	struct iphdr *ip = (void *)ethernet + 14;

	if ((void *)ip + 20 > end || packet->protocol != bpf_htons(0x0800))
		return 0; /* TC_ACT_OK */
	bpf_printk("Got IP packet: tot_len: %d, ttl: %d", bpf_ntohs(ip->tot_len), ip->ttl);
	return 0;
}
