"""Files in a directory of ours, looked at again when they are opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from bpfdoctor.host.own_directory import OTHERS_WRITE, NotOursError, owner_name

_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_own_file(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a regular file that we wrote and nobody else can write to.

    Raises NotOursError for any other file, and OSError where it cannot be opened.
    """
    _refuse_unless_ours(os.lstat(path))  # before it is opened, for a device acts on that
    descriptor = os.open(path, flags | _SAFELY)
    try:
        _refuse_unless_ours(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_own_file(path: Path, limit: int) -> bytes:
    """All that such a file holds. Raises OSError as `open_own_file`, and for more than `limit`."""
    with open(open_own_file(path), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size) if size <= limit else None
    if data is None:
        raise OSError(errno.EFBIG, f"it is larger than {limit:,} bytes")
    return data


def _refuse_unless_ours(facts: os.stat_result) -> None:
    mode = stat.S_IMODE(facts.st_mode)
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISLNK(facts.st_mode):
        raise NotOursError(f"it is a link (of {owner_name(facts.st_uid)}'s)")
    if not stat.S_ISREG(facts.st_mode):
        raise NotOursError("it is not a regular file")
    if facts.st_uid != os.geteuid():
        raise NotOursError(f"it belongs to {owner_name(facts.st_uid)} (mode {mode:04o})")
    if mode & OTHERS_WRITE:
        raise NotOursError(f"others may write to it (mode {mode:04o})")
    if facts.st_nlink > 1:
        raise NotOursError("it has a second name (a hard link)")
