"""Where programs are built, by whom, and one run at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.environment import home_of
from bpfdoctor.host.machine import silent
from bpfdoctor.host.own_directory import own_directory
from bpfdoctor.host.reading import opened_regular
from bpfdoctor.host.removal import remove_tree

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LARGEST = 128 << 20
"""Bytes of a program that is copied; `minimal` has two million."""

KEPT = 16
"""Built programs that stay in the cache; the oldest make room."""

IN_USE = 3600
"""Seconds in which a program that was built is run by whoever built it."""

_KEPT = re.compile(r"[0-9a-f]{16}")


def build_place(machine: Machine, checkout: Path, identity: Credentials | None) -> Path:
    """The directory in which programs of `checkout` are built; its parent exists.

    Ours in our cache, another owner's in that owner's; where there is none, or where no program
    may run in it, in scratch.
    """
    name = hashlib.sha256(os.fsencode(checkout)).hexdigest()[:16]
    return _base(machine, identity) / f"build-{name}"


def _base(machine: Machine, identity: Credentials | None) -> Path:
    if identity is None:
        ours = (machine.cache, machine.scratch) if machine.cache else (machine.scratch,)
        return _executable(*ours)
    home = Path(home_of(identity.uid))
    place = home / ".cache" / "bpfdoctor"
    if machine.cache is not None:
        with contextlib.suppress(OSError), acting_as(identity):
            found = own_directory(place, home=str(home), uid=identity.uid)
            if runs_programs(found):
                return found
    return _executable(machine.lent(identity))


def _executable(*places: Path) -> Path:
    """The first place where a build may run what it has made. Raises ValueError without any."""
    for place in places:
        if runs_programs(place):
            return place
    names = " and ".join(str(each) for each in places)
    raise ValueError(f"a build runs what it makes, and no program may run in {names} (noexec)")


def runs_programs(place: Path) -> bool:
    """Whether the file system of a directory lets programs be run. Raises OSError."""
    return not os.statvfs(place).f_flag & os.ST_NOEXEC


@contextlib.contextmanager
def alone(
    place: Path, limit: float, identity: Credentials | None, tell: Callable[[str], None] = silent
) -> Iterator[int | None]:
    """Hold `place` against other runs; None when `limit` seconds were not enough to get it.

    `tell` is told whom we wait for. What works there is to hold the descriptor too (`held` of
    `Machine.run`): after our death the lock is free once it is gone. Raises OSError where there can
    be no lock.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with acting_as(identity):
        descriptor = os.open(f"{place}.lock", flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", f"{place}.lock")
        locked = _locked(descriptor, time.monotonic() + limit, tell)
        yield descriptor if locked else None
    finally:
        os.close(descriptor)


def _locked(descriptor: int, deadline: float, tell: Callable[[str], None]) -> bool:
    waited = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            if not waited:
                tell(f"waiting for another run of bpfdoctor{_holder(descriptor)}")
            waited = True
            time.sleep(0.1)
        else:
            with contextlib.suppress(OSError):  # the disk is full
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
            return True


def _holder(descriptor: int) -> str:
    """Who wrote himself into the lock, in words."""
    pid = os.pread(descriptor, 20, 0).strip()
    return f" (process {int(pid)})" if pid.isdigit() else ""


class OversizedError(ValueError):
    """A program that no build of such a project makes; the message says so."""


def copy_program(source: Path, target: Path) -> str:
    """Copy a built program to a new file that only we can change; the sha256 of what was copied.

    It is opened as whoever it belongs to, and no link in its place is followed. Raises OSError,
    also where it is no regular file, and OversizedError beyond `LARGEST`.
    """
    digest = hashlib.sha256()
    fresh = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700)
    with open(fresh, "wb") as copy, opened_regular(str(source), os.O_NOFOLLOW) as file:
        left = LARGEST
        while data := file.read(1 << 20):
            left -= len(data)
            if left < 0 or os.fstat(file.fileno()).st_size > LARGEST:
                raise OversizedError(f"{source.name} is larger than {LARGEST >> 20} MiB")
            digest.update(data)
            copy.write(data)
    return digest.hexdigest()


def keep(machine: Machine, binary: Path) -> tuple[Path, str]:
    """Keep a copy of a built program where no other build changes it: its path and its sha256."""
    base = (machine.cache or machine.scratch) / "built"
    if machine.cache is None:
        base.mkdir(mode=0o700, exist_ok=True)
    else:
        own_directory(base)
    with tempfile.TemporaryDirectory(dir=base) as fresh:
        copy = Path(fresh, binary.name)
        digest = copy_program(binary, copy)
        kept = base / digest[:16]
        kept.mkdir(mode=0o700, exist_ok=True)
        copy.replace(kept / binary.name)
    os.utime(kept)
    _prune(base)
    return kept / binary.name, digest


def _prune(place: Path) -> None:
    """Let the newest stay, and those that another run may be about to start."""
    with contextlib.suppress(OSError):
        ours = [path for path in place.iterdir() if _KEPT.fullmatch(path.name)]
        kept = sorted(ours, key=lambda path: path.lstat().st_mtime, reverse=True)
        for old in kept[KEPT:]:
            if old.lstat().st_mtime < time.time() - IN_USE:
                remove_tree(old)
