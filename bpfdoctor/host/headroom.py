"""How much the limits of this process leave room for: a run at all, and how many checks at a time.

A run that has too little would see half of what is there and blame the machine for the rest.
"""

from __future__ import annotations

import errno
import os
import resource

FILES, FILES_A_CHECK = 32, 8
"""Open files that a run and the compilers that it starts need, and what a check adds: a command's
three pipes, both ends while it is being started."""

MIB = 1 << 20
MEMORY, MEMORY_A_CHECK = 1024 * MIB, 256 * MIB
"""Address space that a run and a compiler need, and what a check adds: glibc reserves up to 128 MiB
for each thread beside its stack, and a thread that gets neither may never run its first line."""
FILE = 16 * MIB
"""Size of a file that a linker may have to write."""


def refuse_too_little() -> None:
    """Raise the OSError that would come sooner or later where there is too little for a run."""
    if _limit(resource.RLIMIT_NOFILE) < FILES:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    if _memory() < MEMORY:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    if _limit(resource.RLIMIT_FSIZE) < FILE:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def at_a_time(most: int) -> int:
    """How many checks there is room for at a time, at most `most`, at least one."""
    files = (_limit(resource.RLIMIT_NOFILE) - FILES // 2) // FILES_A_CHECK
    memory = (_memory() - MEMORY // 2) // MEMORY_A_CHECK
    return max(1, min(most, files, memory))


def memory_is_limited() -> bool:
    """Whether a thread may be more than there is room for."""
    return _memory() < _UNLIMITED


_UNLIMITED = 1 << 62


def _memory() -> int:
    return min(_limit(resource.RLIMIT_AS), _limit(resource.RLIMIT_DATA))


def _limit(number: int) -> int:
    soft = resource.getrlimit(number)[0]
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft
