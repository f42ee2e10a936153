// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* As maps were defined before libbpf 1.0, which refuses such an object. */
#include "object.h"

struct {
	unsigned int type, key_size, value_size, max_entries, flags;
} map SEC("maps") = {BPF_MAP_TYPE_HASH, 4, 8, 16, 0};

IDLE(beside, "raw_tp/sched_process_exec")
