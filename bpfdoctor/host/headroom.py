"""How much the limits of this process leave room for: a run at all, and how many checks at a time.

A run that has too little would see half of what is there and blame the machine for the rest.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource

from bpfdoctor.host.cgroup import memory_limits, room_for_processes

FILES, FILES_A_CHECK = 32, 8
"""Open files that a run and the compilers that it starts need, and what a check adds: a command's
three pipes, both ends while it is being started."""

MIB = 1 << 20
MEMORY, MEMORY_A_CHECK = 1024 * MIB, 256 * MIB
"""Address space that a run and a compiler need, and what a check adds: glibc reserves up to 128 MiB
for each thread beside its stack, and a thread that gets neither may never run its first line."""
FILE = 16 * MIB
"""Size of a file that a linker may have to write."""
RESIDENT = 96 * MIB
"""Memory that a run and a compiler really use: in a cgroup that has less, the kernel would kill
one of them."""
PROCESSES, PROCESSES_A_CHECK = 10, 5
"""Processes and threads that a run needs (make, a shell, a compiler, its parts, a linker), and what
a check adds."""


def refuse_too_little() -> None:
    """Raise the OSError that would come sooner or later where there is too little for a run."""
    os.close(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    lacking = {
        errno.EMFILE: _limit(resource.RLIMIT_NOFILE) < FILES,
        errno.ENOMEM: _memory() < MEMORY or _resident() < RESIDENT,
        errno.EFBIG: _limit(resource.RLIMIT_FSIZE) < FILE,
        errno.EAGAIN: _processes() < PROCESSES,
    }
    for number, lacks in lacking.items():
        if lacks:
            raise OSError(number, os.strerror(number))


def refuse_larger(size: int) -> None:
    """Raise OSError where something of `size` bytes has no room in memory.

    Asked before a library in C is given a large text: not each of them survives the want of memory.
    """
    if size > min(_memory(), _resident()):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def at_a_time(most: int) -> int:
    """How many checks there is room for at a time, at most `most`, at least one."""
    files = (_limit(resource.RLIMIT_NOFILE) - FILES // 2) // FILES_A_CHECK
    memory = (_memory() - MEMORY // 2) // MEMORY_A_CHECK
    processes = (_processes() - PROCESSES // 2) // PROCESSES_A_CHECK
    return max(1, min(most, files, memory, processes))


def memory_is_limited() -> bool:
    """Whether a thread may be more than there is room for."""
    return _memory() < _UNLIMITED


_UNLIMITED = 1 << 62

_VICTIM = b"500"
"""Half of what makes the kernel's choice certain."""


def die_before_us(pid: int) -> None:
    """Let the kernel end a command, not us, where memory runs out: we can say what happened."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "wb", 0) as file:
        file.write(_VICTIM)


def _memory() -> int:
    return min(_limit(resource.RLIMIT_AS), _limit(resource.RLIMIT_DATA))


def _resident() -> int:
    return min((value for _, value in memory_limits()), default=_UNLIMITED)


def _processes() -> int:
    room = room_for_processes()
    return _UNLIMITED if room is None else room


def _limit(number: int) -> int:
    soft = resource.getrlimit(number)[0]
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft
