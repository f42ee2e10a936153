// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include "run.h"
#include "events.h"
#include "sockfilter.skel.h"

static int show(void *context, void *data, size_t size)
{
	const struct packet *event = data;
	char name[IF_NAMESIZE], from[16], to[16];

	if (!if_indextoname(event->interface, name))
		return 0;
	inet_ntop(AF_INET, &event->from, from, sizeof(from));
	inet_ntop(AF_INET, &event->to, to, sizeof(to));
	printf("interface: %s\tprotocol: UDP\t%s:%d(src) -> %s:%d(dst)\n", name, from,
	       ntohs(event->from_port), to, ntohs(event->to_port));
	return 0;
}

static int raw_socket(void)
{
	struct sockaddr_ll place = {
		.sll_family = AF_PACKET,
		.sll_ifindex = if_nametoindex("lo"),
		.sll_protocol = htons(ETH_P_ALL),
	};
	int descriptor = socket(PF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (descriptor >= 0 && !bind(descriptor, (struct sockaddr *)&place, sizeof(place)))
		return descriptor;
	return -1;
}

int main(int count, char **words)
{
	prepare();
	struct sockfilter_bpf *program = sockfilter_bpf__open_and_load();
	if (!program)
		return could_not_load();
	int number = bpf_program__fd(program->progs.on_packet);
	struct ring_buffer *events =
		ring_buffer__new(bpf_map__fd(program->maps.events), show, NULL, NULL);
	if (!events)
		return stopped("Failed to create ring buffer");
	int descriptor = raw_socket();
	if (descriptor < 0)
		return stopped("Failed to open raw socket");
	if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_BPF, &number, sizeof(number)))
		return stopped("Failed to attach to raw socket");
	printf("Successfully started!\n");
	while (!ended && ring_buffer__poll(events, 100) >= 0)
		;
	ring_buffer__free(events);
	sockfilter_bpf__destroy(program);
	return 0;
}
