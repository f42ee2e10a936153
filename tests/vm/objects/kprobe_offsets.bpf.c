// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Offsets as sscanf of libbpf's attach_kprobe reads them, and what it leaves unread. */
#include "object.h"

IDLE(at_start, "kprobe/vfs_unlink+0")
IDLE(hexadecimal, "kprobe/vfs_unlink+0x0")
IDLE(octal, "kprobe/vfs_unlink+00")
IDLE(octal_eight, "kprobe/vfs_unlink+08")
IDLE(inside, "kprobe/vfs_unlink+1") /* of the first instruction */
IDLE(after_five, "kprobe/vfs_unlink+5") /* behind the call of fentry, mostly */
IDLE(after_nine, "kprobe/vfs_unlink+9")
IDLE(beyond, "kprobe/vfs_unlink+0x100000")
IDLE(negative, "kprobe/vfs_unlink+-1")
IDLE(no_number, "kprobe/vfs_unlink+start")
IDLE(more_words, "kprobe/vfs_unlink and more")
IDLE(only_offset, "kprobe/+5")
IDLE(return_of_start, "kretprobe/vfs_unlink+0")
IDLE(return_of_inside, "kretprobe/vfs_unlink+5")
