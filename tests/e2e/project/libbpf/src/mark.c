// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <unistd.h>
#include "mark.h"

void mark(void)
{
	if (write(2, ".", 1) != 1)
		_exit(2);
}
