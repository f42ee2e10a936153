// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A function of the kernel that is there, but not for programs. */
#include "object.h"

extern void vfs_unlink(void) __ksym;

SEC("tp_btf/task_newtask") int calls(void *context)
{
	vfs_unlink();
	return 0;
}

SEC("tc") int classifies(void *context)
{
	vfs_unlink();
	return 0;
}
