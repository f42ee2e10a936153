// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps that some kinds of program may not use: what may sleep, and what samples events. */
#include "object.h"

#define MAP(name, kind, ...) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, 4); \
		__type(key, int); \
		__type(value, long); \
		__VA_ARGS__ \
	} name SEC(".maps")

MAP(plain, BPF_MAP_TYPE_HASH);
MAP(later, BPF_MAP_TYPE_HASH, __uint(map_flags, BPF_F_NO_PREALLOC););
MAP(array, BPF_MAP_TYPE_ARRAY);
MAP(each_cpu, BPF_MAP_TYPE_PERCPU_HASH);
MAP(ordered, BPF_MAP_TYPE_LRU_HASH);

#define LOOKS(name, section, map) \
	SEC(section) int name(void *context) \
	{ \
		int key = 0; \
		bpf_map_lookup_elem(&map, &key); \
		return 0; \
	}

LOOKS(samples_plain, "perf_event", plain)
LOOKS(samples_later, "perf_event", later) /* before Linux 6.1 */
LOOKS(probes_later, "kprobe/vfs_unlink", later)
LOOKS(sleeps_plain, "lsm.s/file_open", plain)
LOOKS(sleeps_later, "lsm.s/file_open", later)
LOOKS(sleeps_array, "lsm.s/file_open", array)
LOOKS(sleeps_each_cpu, "lsm.s/file_open", each_cpu) /* Linux 5.18 */
LOOKS(sleeps_ordered, "lsm.s/file_open", ordered)
LOOKS(filters_later, "socket", later)
