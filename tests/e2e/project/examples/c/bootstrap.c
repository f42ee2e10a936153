// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Prints the name, process id and parent of every process that starts. */
#include <stdio.h>
#include "bootstrap.skel.h"

struct started {
	int pid;
	int parent;
	char name[16];
};

static int show(void *context, void *data, size_t size)
{
	const struct started *event = data;

	printf("%-5s %-16s %-7d %-7d\n", "EXEC", event->name, event->pid, event->parent);
	return 0;
}

int main(void)
{
	struct bootstrap_bpf *skeleton = bootstrap_bpf__open_and_load();
	struct ring_buffer *buffer;

	if (!skeleton) {
		fprintf(stderr, "Failed to open and load BPF skeleton\n");
		return 1;
	}
	if (bootstrap_bpf__attach(skeleton)) {
		fprintf(stderr, "Failed to attach BPF skeleton\n");
		return 1;
	}
	buffer = ring_buffer__new(bpf_map__fd(skeleton->maps.started), show, NULL, NULL);
	if (!buffer) {
		fprintf(stderr, "Failed to create ring buffer\n");
		return 1;
	}
	printf("%-5s %-16s %-7s %-7s\n", "EVENT", "NAME", "PID", "PARENT");
	while (ring_buffer__poll(buffer, 100) >= 0)
		;
	return 0;
}
