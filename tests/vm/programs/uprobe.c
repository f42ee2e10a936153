// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "uprobe.skel.h"

__attribute__((noinline, used)) int uprobed_add(int a, int b)
{
	asm volatile("");
	return a + b;
}

int main(void)
{
	prepare();
	struct uprobe_bpf *program = uprobe_bpf__open_and_load();
	if (!program)
		return could_not_load();
	if (uprobe_bpf__attach(program))
		return stopped("Failed to auto-attach BPF skeleton");
	printf("Successfully started!\n");
	for (int i = 0; !ended; i++) {
		uprobed_add(i, 1);
		usleep(200000);
	}
	uprobe_bpf__destroy(program);
	return 0;
}
