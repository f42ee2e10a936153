// SPDX-License-Identifier: BSD-2-Clause
/* Samples every processor, without a name for any address. Arguments: -f HERTZ [--sw-event] */
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include "run.h"
#include "events.h"
#include "profile.skel.h"

static int show(void *context, void *data, size_t size)
{
	const struct sample *event = data;

	printf("COMM: %s (pid=%d) @ CPU %d\n", event->name, event->pid, event->cpu);
	printf("Kernel: %ld bytes, user space: %ld bytes\n", event->in_kernel, event->in_user);
	return 0;
}

static int sampling(int cpu, int hertz, int in_software)
{
	struct perf_event_attr event = {
		.type = in_software ? PERF_TYPE_SOFTWARE : PERF_TYPE_HARDWARE,
		.config = in_software ? PERF_COUNT_SW_CPU_CLOCK : PERF_COUNT_HW_CPU_CYCLES,
		.size = sizeof(event),
		.sample_freq = hertz,
		.freq = 1,
	};

	return syscall(SYS_perf_event_open, &event, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* 0, or what the program ends with. */
static int attach(struct profile_bpf *program, int hertz, int in_software)
{
	for (int cpu = 0; cpu < sysconf(_SC_NPROCESSORS_ONLN); cpu++) {
		int descriptor = sampling(cpu, hertz, in_software);
		if (descriptor < 0)
			return stopped("Fail to set up performance monitor on a CPU/Core");
		if (!bpf_program__attach_perf_event(program->progs.on_sample, descriptor))
			return could_not_attach();
	}
	return 0;
}

int main(int count, char **words)
{
	prepare();
	struct profile_bpf *program = profile_bpf__open_and_load();
	if (!program)
		return could_not_load();
	struct ring_buffer *events =
		ring_buffer__new(bpf_map__fd(program->maps.events), show, NULL, NULL);
	if (!events)
		return stopped("Failed to create ring buffer");
	if (attach(program, count > 2 ? atoi(words[2]) : 1, count > 3))
		return 1;
	while (!ended && ring_buffer__poll(events, 100) >= 0)
		;
	ring_buffer__free(events);
	profile_bpf__destroy(program);
	return 0;
}
