// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "fentry.skel.h"

RUN(fentry)
