// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "map.h"

OBJECT_WITH_MAP(33 /* BPF_MAP_TYPE_ARENA, Linux 6.9 */, 0, 0, 16, __uint(map_flags, 1 << 10);
		__uint(map_extra, 1 << 28);)
