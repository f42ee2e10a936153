// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include "run.h"
#include "minimal_legacy.skel.h"

int main(void)
{
	prepare();
	struct minimal_legacy_bpf *program = minimal_legacy_bpf__open_and_load();
	if (!program)
		return could_not_load();
	__u32 first = 0;
	int pid = getpid();
	if (bpf_map_update_elem(bpf_map__fd(program->maps.own_pid), &first, &pid, BPF_ANY))
		return stopped("Error updating map");
	if (minimal_legacy_bpf__attach(program))
		return could_not_attach();
	wait_for_the_end();
	minimal_legacy_bpf__destroy(program);
	return 0;
}
