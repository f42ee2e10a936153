// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An option that no kernel has. */
#include "object.h"

extern int CONFIG_NO_SUCH_OPTION __kconfig;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	return CONFIG_NO_SUCH_OPTION == 12345;
}
