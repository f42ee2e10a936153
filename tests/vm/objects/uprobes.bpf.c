// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Places in files of users. libbpf finds the file and the function by itself; that needs the file. */
#include "object.h"

IDLE(no_name, "uprobe")
IDLE(at_return, "uretprobe")
IDLE(of_libc, "uprobe/libc.so.6:malloc")
IDLE(of_missing_function, "uprobe/libc.so.6:no_such_function")
IDLE(of_missing_file, "uprobe//no/such/file:malloc")
IDLE(several, "uprobe.multi/libc.so.6:malloc") /* libbpf 1.3, Linux 6.6 */
IDLE(defined, "usdt")
