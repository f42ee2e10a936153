// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map that libbpf pins below /sys/fs/bpf when it loads the object. */
#include "map.h"

OBJECT_WITH_MAP(BPF_MAP_TYPE_HASH, 4, 8, 16, __uint(pinning, LIBBPF_PIN_BY_NAME);)
