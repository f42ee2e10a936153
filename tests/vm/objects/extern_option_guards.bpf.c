// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What libbpf finds out of the kernel itself, and a program that goes by it. */
#include "object.h"

extern _Bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern _Bool LINUX_HAS_BPF_COOKIE __kconfig;

SEC("kprobe/vfs_unlink") int asks(void *context)
{
	if (LINUX_HAS_BPF_COOKIE && LINUX_HAS_SYSCALL_WRAPPER)
		return bpf_get_attach_cookie(context) == 12345;
	return 0;
}

SEC("kprobe/vfs_unlink") int takes_cookie(void *context)
{
	return bpf_get_attach_cookie(context) == 12345;
}
