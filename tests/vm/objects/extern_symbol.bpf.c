// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A name among the kernel's symbols, of no type. */
#include "object.h"

extern const void _stext __ksym;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	const void *volatile address = &_stext;

	return !address;
}
