/* SPDX-License-Identifier: BSD-2-Clause */
/* An object that is nothing but one map, and a program that looks at its address. */
#ifndef MAP_H
#define MAP_H

#include "object.h"

#define OBJECT_WITH_MAP(kind, key, value, entries, ...) \
	struct { \
		__uint(type, kind); \
		__uint(key_size, key); \
		__uint(value_size, value); \
		__uint(max_entries, entries); \
		__VA_ARGS__ \
	} map SEC(".maps"); \
	SEC("raw_tp/sched_process_exec") int with_map(void *context) \
	{ \
		void *volatile address = &map; \
		return !address; \
	}

#endif
