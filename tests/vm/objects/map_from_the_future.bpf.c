// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "map.h"

OBJECT_WITH_MAP(999, 4, 8, 16)
