"""Writing a file into a checkout: whole or not at all, never through a link, for its owner."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bpfdoctor.host.machine import owner_to_become


def write_whole(path: str, data: bytes, owner_of: str = "") -> None:
    """Write `data` beside `path` and move it there; it gets the owner of the tree.

    Raises OSError: also where something is there already, or where a directory on the way below
    `owner_of` is a link, for the tree may be hostile and we may be root.
    """
    target = Path(path)
    directory = _open_directory(target.parent, owner_of)
    temporary = f".{target.name}.{os.getpid()}.part"
    try:
        _write(directory, temporary, data, owner_of)
        try:
            os.link(temporary, target.name, src_dir_fd=directory, dst_dir_fd=directory)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
        os.fsync(directory)
    finally:
        os.close(directory)


def _write(directory: int, name: str, data: bytes, owner_of: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(name, flags, 0o644, dir_fd=directory)
    try:
        owner = owner_to_become(owner_of) if owner_of else None
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=directory)
        raise
    finally:
        os.close(descriptor)


def _open_directory(directory: Path, owner_of: str) -> int:
    """A descriptor of a directory; below `owner_of` no link is followed."""
    root = Path(owner_of) if owner_of else directory
    below = directory.relative_to(root).parts if directory.is_relative_to(root) else ()
    start = root if directory.is_relative_to(root) else directory
    flags = os.O_RDONLY | os.O_DIRECTORY
    descriptor = os.open(start, flags)
    for part in below:
        try:
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor
