// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"
#include "ksyscall.skel.h"

RUN(ksyscall)
