// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "minimal.skel.h"

int main(void)
{
	prepare();
	struct minimal_bpf *program = minimal_bpf__open();
	if (!program)
		return could_not_load();
	program->bss->own_pid = getpid();
	if (minimal_bpf__load(program))
		return could_not_load();
	if (minimal_bpf__attach(program))
		return could_not_attach();
	wait_for_the_end();
	minimal_bpf__destroy(program);
	return 0;
}
