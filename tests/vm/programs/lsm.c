// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "lsm.skel.h"

RUN(lsm)
