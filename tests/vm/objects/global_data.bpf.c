// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Data that all programs of an object share (Linux 5.2). */
#include "object.h"

int written;
int beginning = 5;
const volatile int chosen;

SEC("raw_tp/sched_process_exec") int counts(void *context)
{
	written += beginning + chosen;
	return 0;
}

/* The loader may set it; as it is, the code is never reached. */
SEC("raw_tp/sched_process_exec") int calls_if_chosen(void *context)
{
	static long (*from_the_future)(void) = (void *)9999;

	return chosen ? from_the_future() : 0;
}
