// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A function that no kernel has. */
#include "object.h"

extern void no_such_function(void) __ksym;

SEC("tp_btf/task_newtask") int calls(void *context)
{
	no_such_function();
	return 0;
}

IDLE(beside, "raw_tp/sched_process_exec")
