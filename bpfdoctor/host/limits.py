"""The machine's limits: which errors come from one, what it is called, and its value.

Too many open files, no room for another process, no memory, no room on disk: none of these says
anything about the thing that was asked for, and none is an error of ours.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bpfdoctor.host.cgroup import memory_limits, pids_limits, text_of

NO_NULL, DEADLY, NO_OTHER = "no-null", "SIGSYS", "no-other-user"
FULL = ("ENOSPC", "EDQUOT")
LARGE_STACK = 1 << 30
FILES, THREADS = "/proc/sys/fs/file-max", "/proc/sys/kernel/threads-max"


class Limit(NamedTuple):
    """One limit: what it is a limit of, where a person looks it up, and its value."""

    subject: str
    source: str
    value: str

    def __str__(self) -> str:
        return f"the limit of {self.subject} ({self.source}) is {self.value}"


AGAIN = ", and run the command again"


class Shortage(NamedTuple):
    """What the machine ran out of: the error's name, words for it, and the limits that are set."""

    reason: str
    what: str
    limits: tuple[Limit, ...] = ()

    def __str__(self) -> str:
        known = ", ".join(str(each) for each in self.limits)
        return f"{self.what}: {known}" if known else self.what

    @property
    def hint(self) -> str:
        """What to do about it."""
        return _HINTS.get(self.reason, "make room for it, or raise the limit") + AGAIN


class LimitError(OSError):
    """A limit of the machine for which the kernel has no number; `reason` is the shortage's."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EPERM, reason)
        self.reason = reason


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


def raise_shortage(reason: str) -> None:
    """Raise LimitError where there was no answer for want of something."""
    if reason in _KINDS:
        raise LimitError(reason)


def shortage_said(output: bytes) -> str:
    """The name of the shortage that a compiler, a linker, make or git reports; empty for none."""
    found = _SAID.search(output)
    return _NAMES[found.group().lower()] if found else ""


def shortage_behind(number: int | None) -> str:
    """The name of the shortage behind the signal that ended a command; empty for none."""
    return _SIGNALS.get(number, "") if number else ""


def no_device(error: OSError) -> bool:
    """Whether /dev/null, which every command is given, is what could not be opened."""
    if error.filename != os.devnull:
        return False
    try:
        os.close(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return True
    return False  # somebody tried to execute it


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "ENOMEM"
    if isinstance(error, OSError):
        return _refused(error)
    # Python has no class of its own for these two, only words.
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "EAGAIN"
    if isinstance(error, ImportError):  # the loader's
        return shortage_said(str(error).encode(errors="replace"))
    return ""


def _refused(error: OSError) -> str:
    if isinstance(error, LimitError):
        return error.reason
    if no_device(error):
        return NO_NULL
    name = errno.errorcode.get(error.errno or 0, "")
    return name if name in _KINDS else ""


def _open_files() -> Iterator[Limit]:
    yield from _resource("open files", "ulimit -n", resource.RLIMIT_NOFILE)


def _all_open_files() -> Iterator[Limit]:
    yield from _setting("open files of all processes", FILES)


def _processes() -> Iterator[Limit]:
    """The limits set for this user or cgroup; where there is none, that of the whole system."""
    own = [*_cgroup_pids(), *_memory(), *_stack()]  # a thread needs a stack
    if os.geteuid() != 0:  # root is exempt
        own = [*_resource("processes", "ulimit -u", resource.RLIMIT_NPROC), *own]
    yield from own or _setting("threads of all processes", THREADS)


def _memory() -> Iterator[Limit]:
    yield from _resource("virtual memory", "ulimit -v", resource.RLIMIT_AS, unit=1024)
    yield from _resource("data memory", "ulimit -d", resource.RLIMIT_DATA, unit=1024)
    for path, value in memory_limits():
        yield Limit("memory of this cgroup", path, f"{value // 1024:,} KiB")


def _stack() -> Iterator[Limit]:
    """That of a thread, where it is so large that there may be no room for many."""
    if resource.getrlimit(resource.RLIMIT_STACK)[0] > LARGE_STACK:
        yield from _resource("stack of a thread", "ulimit -s", resource.RLIMIT_STACK, unit=1024)


def _processor_time() -> Iterator[Limit]:
    yield from _resource("processor time in seconds", "ulimit -t", resource.RLIMIT_CPU)


def _killed() -> Iterator[Limit]:
    yield from _processor_time()
    yield from _memory()


def _file_size() -> Iterator[Limit]:
    yield from _resource("file size", "ulimit -f", resource.RLIMIT_FSIZE, unit=1024)


def _nothing() -> Iterator[Limit]:
    return iter(())


def _resource(subject: str, source: str, number: int, unit: int = 1) -> Iterator[Limit]:
    """A limit of this process; nothing where it is unlimited."""
    soft = resource.getrlimit(number)[0]
    if soft != resource.RLIM_INFINITY:
        yield Limit(subject, source, f"{soft:,}" if unit == 1 else f"{soft // unit:,} KiB")


def _cgroup_pids() -> Iterator[Limit]:
    for path, value in pids_limits():
        yield Limit("processes of this cgroup", path, f"{value:,}")


def _setting(subject: str, path: str) -> Iterator[Limit]:
    value = text_of(path).partition("\n")[0].strip()
    if value.isdigit():
        yield Limit(subject, path, f"{int(value):,}")


_KINDS: dict[str, tuple[str, Callable[[], Iterator[Limit]]]] = {
    "EMFILE": ("too many open files", _open_files),
    "ENFILE": ("too many open files in the whole system", _all_open_files),
    "EAGAIN": ("no further process or thread can be started", _processes),
    "ENOMEM": ("not enough memory", _memory),
    "EFBIG": ("a file would become too large", _file_size),
    "ENOSPC": ("no space left on the disk, or no free inodes", _nothing),
    "EDQUOT": ("the disk quota of this user is used up", _nothing),
    "SIGXCPU": ("no processor time is left", _processor_time),
    "SIGKILL": ("a command was killed, as it is where memory or time runs out", _killed),
    DEADLY: ("a seccomp filter kills whoever calls bpf(2) or perf_event_open(2)", _nothing),
    NO_OTHER: (
        "this root may not act as another user, whose files it reads as he would (CAP_SETUID)",
        _nothing,
    ),
    NO_NULL: ("/dev/null cannot be opened, which every command is given", _nothing),
}

_HINTS = {
    NO_NULL: "make it, as root: mknod -m 666 /dev/null c 1 3",
    NO_OTHER: "run it as the user whom the files belong to",
    DEADLY: "run it where the filter lets the call be answered",
}

_SIGNALS = {
    int(signal.SIGXCPU): "SIGXCPU",
    int(signal.SIGXFSZ): "EFBIG",
    int(signal.SIGKILL): "SIGKILL",
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
    b"cannot allocate memory": "ENOMEM",
    b"failed to map segment": "ENOMEM",
    b"out of memory": "ENOMEM",
    b"virtual memory exhausted": "ENOMEM",
    b"cpu time limit exceeded": "SIGXCPU",
    b"killed signal terminated program": "SIGKILL",
    b"unable to execute command: killed": "SIGKILL",
    b"] killed\n": "SIGKILL",
}
"""What tools and the loader say where the machine, not the tool, gave out; longer words first."""

_SAID = re.compile(b"|".join(map(re.escape, _NAMES)), re.IGNORECASE)
