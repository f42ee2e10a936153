"""A process that was just forked becomes the command that was ordered, as `subprocess` does it."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
"""linux/prctl.h."""

_libc = ctypes.CDLL(None)


class NotEnteredError(OSError):
    """The working directory that was ordered may not be entered."""


def become(
    order: Mapping[str, Any], streams: Sequence[int], moved: Sequence[int], leash: int
) -> NoReturn:
    """Be replaced by the command of an order (`host/leash.py`); die when the process `leash` does.

    `streams` become its stdin, stdout and stderr; `moved` holds the directory that it starts in,
    where that is not ours. Raises OSError.
    """
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python
        signal.signal(ignored, signal.SIG_DFL)
    _enter(order["cwd"], moved)
    _limit(order["limits"])
    _become_user(order["identity"])
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # setuid(2) undoes it
    if os.getppid() != leash:
        os._exit(127)
    _replace(order["argv"], order["environ"])


def _enter(cwd: bytes | None, moved: Sequence[int]) -> None:
    for each in moved:
        os.fchdir(each)
    if cwd is not None:
        try:
            os.chdir(cwd)
        except OSError as error:
            raise NotEnteredError(error.errno, error.strerror) from None


def _limit(limits: Sequence[tuple[int, int]]) -> None:
    """Set limits of setrlimit(2), for good; one that is lower already stays."""
    for kind, wanted in limits:
        hard = resource.getrlimit(kind)[1]
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (most, most))


def _become_user(identity: tuple[int, int, Sequence[int]] | None) -> None:
    if identity is not None:
        uid, gid, groups = identity
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


def _programs(name: bytes, environ: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Where a command may be: at its path, or by its name in the directories of PATH.

    `os.execvpe` imports a module for that, which another user may not be allowed to read.
    """
    if b"/" in name:
        yield name
    elif name:
        for place in environ.get(b"PATH", os.defpath.encode()).split(b":"):
            yield os.path.join(place, name)


def _replace(argv: list[bytes], environ: Mapping[bytes, bytes]) -> NoReturn:
    """Become the first program that can be executed. Raises the first error that says why not."""
    refusal = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for program in _programs(argv[0], environ):
        try:
            os.execve(program, argv, environ)  # noqa: S606  (there is no shell)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            refusal = refusal if refusal.errno != errno.ENOENT else error
    raise refusal
