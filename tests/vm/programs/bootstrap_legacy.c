// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "events.h"
#include "bootstrap_legacy.skel.h"

static void show(void *context, int cpu, void *data, __u32 size)
{
	const struct started *event = data;

	printf("now      EXEC  %-16s %-7d %-7d\n", event->name, event->pid, event->parent);
}

int main(void)
{
	prepare();
	struct bootstrap_legacy_bpf *program = bootstrap_legacy_bpf__open_and_load();
	if (!program)
		return could_not_load();
	if (bootstrap_legacy_bpf__attach(program))
		return could_not_attach();
	struct perf_buffer *events =
		perf_buffer__new(bpf_map__fd(program->maps.events), 8, show, NULL, NULL, NULL);
	if (!events)
		return stopped("Failed to create perf event buffer");
	printf("TIME     EVENT COMM             PID     PPID\n");
	while (!ended && perf_buffer__poll(events, 100) >= 0)
		;
	perf_buffer__free(events);
	bootstrap_legacy_bpf__destroy(program);
	return 0;
}
