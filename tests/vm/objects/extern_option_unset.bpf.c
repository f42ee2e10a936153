// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An option that Debian leaves out. */
#include "object.h"

extern _Bool CONFIG_KASAN __kconfig;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	return CONFIG_KASAN;
}
