"""The one way to open a file that anybody may have put there."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from bpfdoctor.host.acting import as_owner_of

WITHOUT_SIZE = ("/proc/", "/sys/")
"""Where files say nothing of their size; what is read there was asked for by name."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


ELF = b"\x7fELF"
"""ELFMAG of elf.h, with which every program of the kernel's own format begins."""


class NotRegularError(OSError):
    """There is something, and it is not a regular file; it was not read."""

    def __init__(self, path: str, mode: int) -> None:
        what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
        super().__init__(errno.EINVAL, what, path)


class PrivateError(PermissionError):
    """A link to what is not for everybody to read; it was not read."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EACCES, "a link to what others may not read", path)


@contextlib.contextmanager
def opened_regular(path: str, flags: int = 0) -> Iterator[BinaryIO]:
    """A regular file, open for reading; `flags` are added (`O_NOFOLLOW`).

    It is opened with the rights of whoever it belongs to, where we are root (`as_owner_of`). It is
    looked at before, for a device acts on being opened, and again afterwards; a FIFO in its place
    blocks nobody. Raises NotRegularError, and OSError as open(2) does.
    """
    with as_owner_of(path):
        _refuse_odd(path, os.stat(path, follow_symlinks=not flags & os.O_NOFOLLOW))
        descriptor = os.open(path, _FLAGS | flags)
    with open(descriptor, "rb") as file:
        _refuse_odd(path, os.fstat(descriptor))
        yield file


def read_published(path: str, limit: int) -> bytes:
    """As `read_regular`, of a file whose text goes into reports and snapshots.

    A tree that was cloned may hold a link to a key of whoever reads it: what lies behind a link,
    in another directory, and is not for everybody to read, is refused (PrivateError).
    """
    with as_owner_of(path):
        link = os.path.islink(path) and not _beside_itself(path)  # both as the tree's owner
    with opened_regular(path) as file:
        if link and not os.fstat(file.fileno()).st_mode & stat.S_IROTH:
            raise PrivateError(path)
        return _beginning(file, path, limit)


def _beside_itself(link: str) -> bool:
    """Whether a link leads to a file of its own directory: where umask is 077, all are private."""
    place = os.path.realpath(os.path.dirname(link) or ".")
    return os.path.dirname(os.path.realpath(link)) == place


def real_path(path: str, *, strict: bool = False) -> str:
    """A path with every link resolved, looked at as whoever it belongs to. Raises OSError."""
    with as_owner_of(path):
        return os.path.realpath(path, strict=strict)


def _refuse_odd(path: str, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise NotRegularError(path, facts.st_mode)


def read_regular(path: str, limit: int, flags: int = 0) -> bytes:
    """The first `limit` bytes of a regular file, at most as many as its size says.

    A link may lead to what only looks regular: `/proc/kmsg` would block, and lose what is read. Its
    size is 0, and so nothing is read of it. Raises OSError.
    """
    with opened_regular(path, flags) as file:
        return _beginning(file, path, limit)


def _beginning(file: BinaryIO, path: str, limit: int) -> bytes:
    size = os.fstat(file.fileno()).st_size
    return file.read(limit if path.startswith(WITHOUT_SIZE) else min(limit, size)) or b""


def is_elf(path: str) -> bool:
    """Whether a file is an ELF file, and so no script. Raises OSError."""
    return read_regular(path, len(ELF)) == ELF
