// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel functions by their names in the kernel's BTF. */
#include "object.h"

IDLE(entry, "fentry/vfs_unlink")
IDLE(leaving, "fexit/vfs_unlink")
IDLE(before_7_0, "fentry/do_unlinkat")
IDLE(since_7_0, "fentry/filename_unlinkat")
IDLE(missing, "fentry/no_such_function")
IDLE(missing_at_exit, "fexit/no_such_function")
IDLE(untraced, "fentry/ring_buffer_lock_reserve") /* tracing itself is not traced */
IDLE(untraced_clock, "fentry/trace_clock_local")
IDLE(untraced_at_exit, "fexit/ring_buffer_lock_reserve")
IDLE(variadic, "fentry/seq_printf")
IDLE(eight_or_nine_parameters, "fentry/do_mmap") /* x86: six at most before Linux 6.6 */
IDLE(nine_or_ten_parameters, "fexit/ip_append_data")
IDLE(struct_by_value, "fentry/__sys_bpf") /* bpfptr_t, Linux 5.13 */
IDLE(of_bpf, "fentry/bpf_map_lookup_elem")
IDLE(of_module, "fentry/no_such_module:vfs_unlink")
IDLE(no_name, "fentry")
