// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What belongs to a task must say of what types its keys and values are (Linux 5.11). */
#include "object.h"

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, long);
} map SEC(".maps");

SEC("raw_tp/sched_process_exec") int with_map(void *context)
{
	void *volatile address = &map;
	return !address;
}
