// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A name that is none of the kernel's options. */
#include "object.h"

extern int LINUX_NO_SUCH_THING __kconfig;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	return LINUX_NO_SUCH_THING == 12345;
}
