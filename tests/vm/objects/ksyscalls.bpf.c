// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* System calls, by the names that libbpf gives to their functions. */
#include "object.h"

IDLE(plain, "ksyscall/unlinkat")
IDLE(at_return, "kretsyscall/unlinkat")
IDLE(missing, "ksyscall/no_such_call")
IDLE(no_name, "ksyscall")
