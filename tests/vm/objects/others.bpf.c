// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sections that name no attachment of libbpf's own, and those that libbpf does not know. */
#include "object.h"

IDLE(sampled, "perf_event")
IDLE(unknown, "no_such_section")
IDLE(nearly, "kprobes/vfs_unlink")
IDLE(beginning_of_one, "socket1")
IDLE(unloaded, "?raw_tp/sched_process_exec")
IDLE(replaces, "freplace/vfs_unlink")
IDLE(operation, "struct_ops/init")
