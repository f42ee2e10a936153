// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that change what a function returns, where that is allowed and where it is not. */
#include "object.h"

IDLE(of_syscall, "fmod_ret/__x64_sys_unlinkat")
IDLE(of_hook, "fmod_ret/security_file_open")
IDLE(of_function, "fmod_ret/vfs_unlink")
IDLE(of_missing, "fmod_ret/no_such_function")
IDLE(asleep, "fmod_ret.s/__x64_sys_unlinkat")
IDLE(asleep_in_hook, "fmod_ret.s/security_file_open")

/* Where the kernel has that helper, it may be called; attached it is only where errors may be
 * injected (Linux 4.16, commit 9802d86585db). */
SEC("kprobe/vfs_unlink") int overrides_function(struct pt_regs *context)
{
	if (bpf_get_prandom_u32() == 1)
		bpf_override_return((void *)context, -1);
	return 0;
}

SEC("kprobe/__x64_sys_unlinkat") int overrides_syscall(struct pt_regs *context)
{
	if (bpf_get_prandom_u32() == 1)
		bpf_override_return((void *)context, -1);
	return 0;
}

SEC("uprobe") int overrides_user(struct pt_regs *context)
{
	if (bpf_get_prandom_u32() == 1)
		bpf_override_return((void *)context, -1);
	return 0;
}
