// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks through what the kernel keeps. */
#include "object.h"

IDLE(tasks, "iter/task")
IDLE(files, "iter/task_file")
IDLE(programs, "iter/bpf_prog") /* Linux 5.11 */
IDLE(elements, "iter/bpf_map_elem") /* of a map that the loader names */
IDLE(groups, "iter/cgroup") /* Linux 6.1 */
IDLE(missing, "iter/no_such_thing")
IDLE(no_name, "iter")
