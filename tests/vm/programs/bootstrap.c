// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "events.h"
#include "bootstrap.skel.h"

static int show(void *context, void *data, size_t size)
{
	const struct started *event = data;

	printf("now      EXEC  %-16s %-7d %-7d\n", event->name, event->pid, event->parent);
	return 0;
}

int main(void)
{
	prepare();
	struct bootstrap_bpf *program = bootstrap_bpf__open_and_load();
	if (!program)
		return could_not_load();
	if (bootstrap_bpf__attach(program))
		return could_not_attach();
	struct ring_buffer *events =
		ring_buffer__new(bpf_map__fd(program->maps.events), show, NULL, NULL);
	if (!events)
		return stopped("Failed to create ring buffer");
	printf("TIME     EVENT COMM             PID     PPID\n");
	while (!ended && ring_buffer__poll(events, 100) >= 0)
		;
	ring_buffer__free(events);
	bootstrap_bpf__destroy(program);
	return 0;
}
