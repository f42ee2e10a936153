// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tracepoints, raw ones, and those by their BTF; and how far each reads what it is given. */
#include "object.h"

IDLE(plain, "tp/sched/sched_process_exec")
IDLE(long_name, "tracepoint/sched/sched_process_exec")
IDLE(of_syscall, "tp/syscalls/sys_enter_unlinkat")
IDLE(missing, "tp/sched/no_such_tracepoint")
IDLE(no_such_category, "tp/no_such_category/sched_process_exec")
IDLE(no_name, "tp")
IDLE(half_a_name, "tp/sched_process_exec")
IDLE(raw, "raw_tp/sched_process_exec")
IDLE(raw_of_all_calls, "raw_tracepoint/sys_enter")
IDLE(raw_missing, "raw_tp/no_such_tracepoint")
IDLE(raw_no_name, "raw_tp")
IDLE(raw_writable, "raw_tp.w/sched_process_exec")
IDLE(by_btf, "tp_btf/sched_process_exec")
IDLE(by_btf_missing, "tp_btf/no_such_tracepoint")
IDLE(by_btf_no_name, "tp_btf")

READS(within, "tp/sched/sched_process_exec", 1)
READS(beyond, "tp/sched/sched_process_exec", 100)
READS(raw_within, "raw_tp/sched_process_exec", 2)
READS(raw_beyond, "raw_tp/sched_process_exec", 3)
READS(by_btf_within, "tp_btf/sched_process_exec", 2)
READS(by_btf_beyond, "tp_btf/sched_process_exec", 3)
