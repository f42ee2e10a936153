// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include "run.h"
#include "events.h"
#include "task_iter.skel.h"

int main(void)
{
	struct task found;

	prepare();
	struct task_iter_bpf *program = task_iter_bpf__open_and_load();
	if (!program)
		return could_not_load();
	if (task_iter_bpf__attach(program))
		return could_not_attach();
	int tasks = bpf_iter_create(bpf_link__fd(program->links.on_task));
	if (tasks < 0)
		return stopped("Failed to create iter");
	while (read(tasks, &found, sizeof(found)) == sizeof(found))
		printf("Task Info. Pid: %d. Process Name: %s. Stack: %ld\n", found.pid, found.name,
		       found.stack);
	close(tasks);
	task_iter_bpf__destroy(program);
	return 0;
}
