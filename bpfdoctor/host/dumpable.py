"""What other processes of the same user may see of this one: its descriptors and its memory."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator


@contextlib.contextmanager
def hidden_from_others() -> Iterator[None]:
    """Keep this user's other processes from our descriptors and our memory, as root's are kept.

    A debugger, /proc/PID/fd and pidfd_getfd(2) would lead them to the pipe to root (prctl(2)).
    """
    PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4  # noqa: N806  (the kernel's names)
    prctl = ctypes.CDLL(None).prctl
    before = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_DUMPABLE, int(before == 1), 0, 0, 0)
