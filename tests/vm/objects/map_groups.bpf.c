// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "map.h"

OBJECT_WITH_MAP(32 /* BPF_MAP_TYPE_CGRP_STORAGE, Linux 6.2 */, 4, 8, 0, __uint(map_flags, BPF_F_NO_PREALLOC);)
