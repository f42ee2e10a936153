// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A variable of the kernel whose type its BTF has. */
#include "object.h"

struct rq {
	int here;
};

extern const struct rq runqueues __ksym;

SEC("raw_tp/sched_process_exec") int looks(void *context)
{
	return !bpf_this_cpu_ptr(&runqueues);
}
