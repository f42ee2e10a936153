// SPDX-License-Identifier: BSD-2-Clause
#include <sys/stat.h>
#include "run.h"
#include "minimal_ns.skel.h"

int main(void)
{
	struct stat namespace;

	prepare();
	struct minimal_ns_bpf *program = minimal_ns_bpf__open();
	if (!program)
		return could_not_load();
	if (stat("/proc/self/ns/pid", &namespace))
		return stopped("Failed to acquire namespace information");
	program->bss->device = namespace.st_dev;
	program->bss->inode = namespace.st_ino;
	program->bss->own_pid = getpid();
	if (minimal_ns_bpf__load(program))
		return could_not_load();
	if (minimal_ns_bpf__attach(program))
		return could_not_attach();
	wait_for_the_end();
	minimal_ns_bpf__destroy(program);
	return 0;
}
