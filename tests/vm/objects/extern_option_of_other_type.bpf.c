// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An option whose value is not of the type that is declared. */
#include "object.h"

extern _Bool CONFIG_HZ __kconfig;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	return CONFIG_HZ;
}
