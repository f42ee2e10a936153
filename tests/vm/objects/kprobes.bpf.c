// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel functions by their names among the kernel's symbols. */
#include "object.h"

IDLE(plain, "kprobe/vfs_unlink")
IDLE(at_return, "kretprobe/vfs_unlink")
IDLE(before_7_0, "kprobe/do_unlinkat")
IDLE(since_7_0, "kprobe/filename_unlinkat")
IDLE(missing, "kprobe/no_such_function")
IDLE(missing_at_return, "kretprobe/no_such_function")
IDLE(forbidden, "kprobe/get_kprobe") /* the kernel needs it for a kprobe */
IDLE(forbidden_at_return, "kretprobe/get_kprobe")
IDLE(forbidden_entry, "kprobe/asm_exc_page_fault")
IDLE(many, "kprobe/t_next") /* several functions have this name */
IDLE(no_name, "kprobe")
IDLE(multi, "kprobe.multi/vfs_unlink")
IDLE(multi_missing, "kprobe.multi/no_such_function*")
IDLE(session, "kprobe.session/vfs_unlink") /* libbpf 1.5, Linux 6.10 */
