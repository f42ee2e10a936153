// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that may sleep, where that is allowed and where it is not. */
#include "object.h"

IDLE(on_syscall, "fentry.s/__x64_sys_unlinkat") /* if errors may be injected there */
IDLE(at_exit, "fexit.s/__x64_sys_unlinkat")
IDLE(on_function, "fentry.s/vfs_unlink")
IDLE(hook, "lsm.s/bpf")
IDLE(hook_of_file, "lsm.s/file_open")
IDLE(hook_that_may_not, "lsm.s/task_free")
IDLE(walk, "iter.s/task")
IDLE(entry_of_user, "uprobe.s")
IDLE(exit_of_user, "uretprobe.s")
IDLE(of_syscall_type, "syscall")
