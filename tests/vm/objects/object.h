/* SPDX-License-Identifier: BSD-2-Clause */
/* What every object here begins with. A program that does nothing stands for what its section says;
 * one that does something is written out. */
#ifndef OBJECT_H
#define OBJECT_H

#include "../programs/kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#ifndef LICENSED
#define LICENSED "GPL"
#endif

char LICENSE[] SEC("license") = LICENSED;

#define IDLE(name, section) \
	SEC(section) int name(void *context) \
	{ \
		return 0; \
	}

/* It reads one word of what it is given. */
#define READS(name, section, index) \
	SEC(section) int name(const volatile __u64 *context) \
	{ \
		(void)context[index]; \
		return 0; \
	}

#endif
