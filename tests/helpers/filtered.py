"""A seccomp filter of our own: it answers one system call in the kernel's place."""

from __future__ import annotations

import ctypes
import os
import struct

SET_SECCOMP, MODE_FILTER = 22, 2
"""PR_SET_SECCOMP of linux/prctl.h, SECCOMP_MODE_FILTER of linux/seccomp.h."""

LOAD, IF_EQUAL, ANSWER = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
"""Instructions of classic BPF, and what they may answer (SECCOMP_RET_ALLOW, _ERRNO)."""


def refuse(call: int, error: int, first: int | None = None) -> None:
    """From now on `call` answers `error` to this process and its children, all else is let through.

    `first`: only where the call's first argument is this. It takes root, and is not undone.
    """
    tests = [(LOAD, 0, 0, 0), (IF_EQUAL, 0, 1 if first is None else 3, call)]
    if first is not None:  # the argument's lower half, on a little-endian machine
        tests += [(LOAD, 0, 0, 16), (IF_EQUAL, 0, 1, first)]
    steps = [*tests, (ANSWER, 0, 0, ERRNO | error), (ANSWER, 0, 0, ALLOW)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", len(steps), ctypes.addressof(held))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(SET_SECCOMP, MODE_FILTER, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
