// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "events.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum { ETHERNET = 14, IPV4 = ETHERNET + 20 };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

SEC("socket")
int on_packet(struct __sk_buff *packet)
{
	struct packet *event;
	__u8 protocol = 0;

	bpf_skb_load_bytes(packet, ETHERNET + 9, &protocol, 1);
	if (protocol != 17) /* UDP */
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->interface = packet->ifindex;
	bpf_skb_load_bytes(packet, ETHERNET + 12, &event->from, 4);
	bpf_skb_load_bytes(packet, ETHERNET + 16, &event->to, 4);
	bpf_skb_load_bytes(packet, IPV4, &event->from_port, 2);
	bpf_skb_load_bytes(packet, IPV4 + 2, &event->to_port, 2);
	bpf_ringbuf_submit(event, 0);
	return packet->len;
}
