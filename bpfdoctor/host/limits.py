"""The machine's limits: which errors come from one, what it is called, and its value.

Too many open files, no room for another process, no memory, no room on disk: none of these says
anything about the thing that was asked for, and none is an error of ours.
"""

from __future__ import annotations

import errno
import os
import re
import resource
from collections.abc import Callable, Iterator
from typing import NamedTuple

CGROUPS = "/sys/fs/cgroup"
FILES, THREADS = "/proc/sys/fs/file-max", "/proc/sys/kernel/threads-max"


class Limit(NamedTuple):
    """One limit: what it is a limit of, where a person looks it up, and its value."""

    subject: str
    source: str
    value: str

    def __str__(self) -> str:
        return f"the limit of {self.subject} ({self.source}) is {self.value}"


class Shortage(NamedTuple):
    """What the machine ran out of: the error's name, words for it, and the limits that are set."""

    reason: str
    what: str
    limits: tuple[Limit, ...] = ()

    def __str__(self) -> str:
        known = ", ".join(str(each) for each in self.limits)
        return f"{self.what}: {known}" if known else self.what


def shortage_of(error: BaseException | None) -> Shortage | None:
    """What the machine ran out of, where that is behind `error`; None for any other error."""
    passed: set[int] = set()
    while error is not None and id(error) not in passed:
        passed.add(id(error))
        reason = _reason(error)
        if reason:
            return shortage(reason)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def shortage(reason: str) -> Shortage:
    """The shortage of this name (`EMFILE`), with the limits that may be behind it."""
    what, limits = _KINDS[reason]
    return Shortage(reason, what, tuple(limits()))


def shortage_said(output: bytes) -> str:
    """The name of the shortage that a compiler, a linker, make or git reports; empty for none."""
    found = _SAID.search(output)
    return _NAMES.get(found.group().lower(), "ENOMEM") if found else ""


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "ENOMEM"
    if isinstance(error, OSError):
        name = errno.errorcode.get(error.errno or 0, "")
        return name if name in _KINDS else ""
    # Python has no class of its own for these two, only words.
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "EAGAIN"
    if isinstance(error, ImportError):  # the loader's
        return shortage_said(str(error).encode(errors="replace"))
    return ""


def _open_files() -> Iterator[Limit]:
    yield from _resource("open files", "ulimit -n", resource.RLIMIT_NOFILE)


def _all_open_files() -> Iterator[Limit]:
    yield from _setting("open files of all processes", FILES)


def _processes() -> Iterator[Limit]:
    """The limits set for this user or cgroup; where there is none, that of the whole system."""
    own = [*_cgroup_pids(), *_memory()]  # a thread needs a stack
    if os.geteuid() != 0:  # root is exempt
        own = [*_resource("processes", "ulimit -u", resource.RLIMIT_NPROC), *own]
    yield from own or _setting("threads of all processes", THREADS)


def _memory() -> Iterator[Limit]:
    yield from _resource("virtual memory", "ulimit -v", resource.RLIMIT_AS, unit=1024)
    yield from _resource("data memory", "ulimit -d", resource.RLIMIT_DATA, unit=1024)


def _file_size() -> Iterator[Limit]:
    yield from _resource("file size", "ulimit -f", resource.RLIMIT_FSIZE, unit=1024)


def _nothing() -> Iterator[Limit]:
    return iter(())


def _resource(subject: str, source: str, number: int, unit: int = 1) -> Iterator[Limit]:
    """A limit of this process; nothing where it is unlimited."""
    soft = resource.getrlimit(number)[0]
    if soft != resource.RLIM_INFINITY:
        yield Limit(subject, source, f"{soft:,}" if unit == 1 else f"{soft // unit:,} KiB")


def _setting(subject: str, path: str) -> Iterator[Limit]:
    value = _first_line(path)
    if value.isdigit():
        yield Limit(subject, path, f"{int(value):,}")


def _cgroup_pids() -> Iterator[Limit]:
    """The pids limit of the cgroup and of each one above it, where there is one."""
    for line in _text("/proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers not in ("", "pids"):
            continue
        root = f"{CGROUPS}/{controllers}".rstrip("/")
        while path.strip("/"):
            yield from _setting("processes of this cgroup", f"{root}{path}/pids.max")
            path = os.path.dirname(path)


def _first_line(path: str) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except (OSError, MemoryError):  # as short as what it is asked about
        return ""


_KINDS: dict[str, tuple[str, Callable[[], Iterator[Limit]]]] = {
    "EMFILE": ("too many open files", _open_files),
    "ENFILE": ("too many open files in the whole system", _all_open_files),
    "EAGAIN": ("no further process or thread can be started", _processes),
    "ENOMEM": ("not enough memory", _memory),
    "EFBIG": ("a file would become too large", _file_size),
    "ENOSPC": ("no space left on the disk, or no free inodes", _nothing),
    "EDQUOT": ("the disk quota of this user is used up", _nothing),
}

_NAMES = {
    b"too many open files in system": "ENFILE",
    b"too many open files": "EMFILE",
    b"resource temporarily unavailable": "EAGAIN",
    b"cannot fork": "EAGAIN",
    b"no space left on device": "ENOSPC",
    b"disk quota exceeded": "EDQUOT",
    b"file size limit exceeded": "EFBIG",
    b"file too large": "EFBIG",
}
_SAID = re.compile(
    rb"too many open files(?: in system)?|resource temporarily unavailable|cannot fork"
    rb"|no space left on device|disk quota exceeded|file size limit exceeded|file too large"
    rb"|cannot allocate memory|failed to map segment|out of memory|virtual memory exhausted"
    rb"|Killed signal terminated program|unable to execute command: Killed",
    re.IGNORECASE,
)
"""What tools and the loader say where the machine, not the tool, gave out."""
