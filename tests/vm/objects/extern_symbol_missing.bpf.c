// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A name that is not among the kernel's symbols. */
#include "object.h"

extern const void no_such_symbol __ksym;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	const void *volatile address = &no_such_symbol;

	return !address;
}
