"""Writing a file whole or not at all: its text is written beside it, and moved there at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.own_directory import held_directory


def replace_file(path: Path, data: bytes, mode: int | None = 0o600) -> None:
    """Put a file with these data at `path`, in the place of what is there. Raises OSError.

    `mode` None: as the umask lets. The directory need not be readable; no link of another's leads
    there, even if it is put there meanwhile.
    """
    made = 0o666 if mode is None else mode
    with (
        held_directory(str(path.parent)) as directory,
        _beside(directory, path.name, made) as (fresh, file),
    ):
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(data)
        file.close()
        os.replace(fresh, path.name, src_dir_fd=directory, dst_dir_fd=directory)


def create_file(path: str, data: bytes, owner_of: str = "") -> None:
    """Put a file at `path`, where none is, in a tree that may be hostile; the disk has it then.

    It gets the owner of the tree `owner_of`. Raises OSError: also where something is there already,
    or where a directory on the way below the tree is a link, for we may be root.
    """
    target = Path(path)
    with acting_as(owner_to_become(owner_of) if owner_of else None):
        directory = _open_directory(target.parent, owner_of)
        try:
            with _beside(directory, target.name, 0o644) as (fresh, file):
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.link(fresh, target.name, src_dir_fd=directory, dst_dir_fd=directory)
            os.fsync(directory)
        finally:
            os.close(directory)


@contextlib.contextmanager
def _beside(directory: int, name: str, mode: int) -> Iterator[tuple[str, IO[bytes]]]:
    """A new file and its name in the same directory; the name is free again in the end."""
    fresh = f".{name}.{os.urandom(4).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(fresh, flags, mode, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield fresh, file
    finally:
        with contextlib.suppress(OSError):
            os.unlink(fresh, dir_fd=directory)


def _open_directory(directory: Path, owner_of: str) -> int:
    """A descriptor of a directory; below `owner_of` no link is followed."""
    root = Path(owner_of) if owner_of else directory
    below = directory.relative_to(root).parts if directory.is_relative_to(root) else ()
    start = root if directory.is_relative_to(root) else directory
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(start, flags)
    for part in below:
        try:
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor
