/* SPDX-License-Identifier: BSD-2-Clause */
/* What every program here does with its skeleton: it says where it stops, in the words that
 * libbpf-bootstrap's programs use, and runs until it is told to end. */
#ifndef RUN_H
#define RUN_H

#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list values)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, values);
}

static void prepare(void)
{
	libbpf_set_print(quiet);
	signal(SIGINT, end);
	signal(SIGTERM, end);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static inline int stopped(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static inline int could_not_load(void)
{
	return stopped("Failed to load and verify BPF skeleton");
}

static inline int could_not_attach(void)
{
	return stopped("Failed to attach BPF skeleton");
}

/* Each dot is a write(2), which is what `minimal` hangs on. */
static inline int wait_for_the_end(void)
{
	printf("Successfully started!\n");
	while (!ended) {
		fprintf(stderr, ".");
		usleep(200000);
	}
	return 0;
}

/* The life of a program that needs nothing but to be attached. */
#define RUN(name) \
	int main(void) \
	{ \
		prepare(); \
		struct name##_bpf *program = name##_bpf__open_and_load(); \
		if (!program) \
			return could_not_load(); \
		if (name##_bpf__attach(program)) \
			return could_not_attach(); \
		wait_for_the_end(); \
		name##_bpf__destroy(program); \
		return 0; \
	}

#endif
