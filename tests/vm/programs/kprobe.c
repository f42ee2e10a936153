// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "kprobe.skel.h"

RUN(kprobe)
