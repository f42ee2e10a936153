// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Loads minimal.bpf.c and writes a mark once a second, which triggers it. */
#include <stdio.h>
#include <unistd.h>
#include "mark.h"
#include "minimal.skel.h"

int main(void)
{
	struct minimal_bpf *skeleton = minimal_bpf__open();

	if (!skeleton) {
		fprintf(stderr, "Failed to open BPF skeleton\n");
		return 1;
	}
	skeleton->bss->watched = getpid();
	if (minimal_bpf__load(skeleton)) {
		fprintf(stderr, "Failed to load and verify BPF skeleton\n");
		return 1;
	}
	if (minimal_bpf__attach(skeleton)) {
		fprintf(stderr, "Failed to attach BPF skeleton\n");
		return 1;
	}
	printf("Successfully started!\n");
	for (;;) {
		mark();
		sleep(1);
	}
}
