// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include "run.h"
#include "usdt.skel.h"

static jmp_buf here;

static int attached(struct usdt_bpf *program)
{
	program->links.on_own_setjmp = bpf_program__attach_usdt(
		program->progs.on_own_setjmp, getpid(), "libc.so.6", "libc", "setjmp", NULL);
	return program->links.on_own_setjmp && !usdt_bpf__attach(program);
}

int main(void)
{
	prepare();
	struct usdt_bpf *program = usdt_bpf__open();
	if (!program)
		return could_not_load();
	program->bss->own_pid = getpid();
	if (usdt_bpf__load(program))
		return could_not_load();
	if (!attached(program))
		return could_not_attach();
	printf("Successfully started!\n");
	while (!ended) {
		setjmp(here);
		usleep(200000);
	}
	usdt_bpf__destroy(program);
	return 0;
}
