// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "map.h"

OBJECT_WITH_MAP(BPF_MAP_TYPE_ARRAY, 4, 8, 0)
