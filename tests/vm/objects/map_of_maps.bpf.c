// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map of maps, of which libbpf makes one that it holds first. */
#include "object.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, int);
	__array(values, struct inner);
} map SEC(".maps");

SEC("raw_tp/sched_process_exec") int with_map(void *context)
{
	void *volatile address = &map;
	return !address;
}
