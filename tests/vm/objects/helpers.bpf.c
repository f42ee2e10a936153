// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Helpers that a program of its type may call, may not, or that no kernel has yet. */
#include "object.h"

static long (*from_the_future)(void) = (void *)9999;

#define CALLS(name, section, call) \
	SEC(section) int name(void *context) \
	{ \
		char buffer[8] __attribute__((unused)) = {}; \
		call; \
		return 0; \
	}

#define COPIES bpf_copy_from_user(buffer, sizeof(buffer), context)
#define ASKS_TASK bpf_get_current_comm(buffer, sizeof(buffer))
#define LOOKS_AT_PACKET bpf_skb_load_bytes(context, 0, buffer, sizeof(buffer))

CALLS(probe_asks, "kprobe/vfs_unlink", ASKS_TASK)
CALLS(probe_looks_at_packet, "kprobe/vfs_unlink", LOOKS_AT_PACKET)
CALLS(probe_copies, "kprobe/vfs_unlink", COPIES)
CALLS(user_probe_copies, "uprobe.s", COPIES)
CALLS(filter_looks_at_packet, "socket", LOOKS_AT_PACKET)
CALLS(filter_reads_user, "socket", bpf_probe_read_user(buffer, sizeof(buffer), context))
CALLS(tracepoint_asks, "tp/sched/sched_process_exec", ASKS_TASK)
CALLS(tracepoint_looks_at_packet, "tp/sched/sched_process_exec", LOOKS_AT_PACKET)
CALLS(entry_asks, "fentry/vfs_unlink", ASKS_TASK)
CALLS(entry_copies, "fentry/vfs_unlink", COPIES)
CALLS(entry_looks_at_packet, "fentry/vfs_unlink", LOOKS_AT_PACKET)
CALLS(hook_asks, "lsm/file_open", ASKS_TASK)
CALLS(hook_copies, "lsm/file_open", COPIES)
CALLS(sleeping_hook_copies, "lsm.s/file_open", COPIES)
CALLS(by_btf_copies, "tp_btf/sched_process_exec", COPIES)
CALLS(walk_copies, "iter/task", COPIES)
CALLS(walk_looks_at_packet, "iter/task", LOOKS_AT_PACKET)
CALLS(probe_future, "kprobe/vfs_unlink", from_the_future())
CALLS(tracepoint_future, "tp/sched/sched_process_exec", from_the_future())
CALLS(entry_future, "fentry/vfs_unlink", from_the_future())
CALLS(hook_future, "lsm/file_open", from_the_future())
