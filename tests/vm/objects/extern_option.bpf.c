// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Options of the kernel, and what libbpf finds out itself. */
#include "object.h"

extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_HZ __kconfig;
extern enum libbpf_tristate CONFIG_BPF_SYSCALL __kconfig;
extern _Bool CONFIG_BPF __kconfig;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	int here = CONFIG_BPF + CONFIG_BPF_SYSCALL + CONFIG_NO_SUCH_OPTION;

	return LINUX_KERNEL_VERSION == CONFIG_HZ + here;
}
