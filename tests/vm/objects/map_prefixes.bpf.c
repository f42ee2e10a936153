// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "map.h"

OBJECT_WITH_MAP(BPF_MAP_TYPE_LPM_TRIE, 8, 8, 16, __uint(map_flags, BPF_F_NO_PREALLOC);)
