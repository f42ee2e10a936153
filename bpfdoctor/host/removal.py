"""Removing a tree of directories in which somebody else may be at work.

No link is followed, nothing but directories is opened, no mount is entered. A directory that is
found inside is moved to the top before it is looked into, so that depth costs neither descriptors
nor stack, and no path is ever walked twice.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import Credentials

LIMIT = 30.0
"""Seconds after which the rest stays: whoever goes on writing must not keep us for ever."""

DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path, identity: Credentials | None = None) -> bool:
    """Remove what is at `path`, a link itself, as `identity`; whether nothing is there any more.

    Nothing is raised.
    """
    with contextlib.suppress(OSError), acting_as(identity):
        parent = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _removed_below(parent, path.name)
        finally:
            os.close(parent)
    return not os.path.lexists(path)


def _removed_below(parent: int, name: str) -> bool:
    """Remove an entry of an open directory; whether there is none any more. Never raises."""
    try:
        facts = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(facts.st_mode):
            os.unlink(name, dir_fd=parent)
            return True
        if facts.st_dev == os.fstat(parent).st_dev:
            with opened(parent, name) as directory:
                empty(directory)
            os.rmdir(name, dir_fd=parent)
            return True
    except FileNotFoundError:
        return True
    except OSError:
        pass
    return False


@contextlib.contextmanager
def opened(parent: int, name: str) -> Iterator[int]:
    """A directory in an open one, no link; our own is opened to us. Raises OSError."""
    try:
        descriptor = os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=parent)
    except PermissionError:
        _make_ours(parent, name)
        descriptor = os.open(name, os.O_RDONLY | DIRECTORY, dir_fd=parent)
    try:
        if os.fstat(descriptor).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            with contextlib.suppress(OSError):  # another's
                os.fchmod(descriptor, stat.S_IRWXU)
        yield descriptor
    finally:
        os.close(descriptor)


def _make_ours(parent: int, name: str) -> None:
    """Builds leave directories that their owner may not write to, or not read."""
    found = os.open(name, os.O_PATH | DIRECTORY, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{found}", stat.S_IRWXU)
    finally:
        os.close(found)


def empty(directory: int, keep: str = "", owner: int | None = None) -> None:
    """Remove what an open directory holds, but for the file `keep`, as far as that can be done.

    With `owner`, only this user's directories are looked into: another user may have moved
    something into his that he has no right to remove.
    """
    deadline = time.monotonic() + LIMIT
    progress = True
    while progress and time.monotonic() < deadline:
        left = [name for name in os.listdir(directory) if name != keep]
        progress = sum(_taken_away(directory, name, owner, deadline) for name in left) > 0


def _taken_away(top: int, name: str, owner: int | None, deadline: float) -> bool:
    """Remove an entry; the directories in it go to the top. False where it has to stay."""
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=top)
        return True
    try:
        device = os.fstat(top).st_dev
        if os.stat(name, dir_fd=top, follow_symlinks=False).st_dev != device:
            return False
        with opened(top, name) as inner:
            entered = owner is None or os.fstat(inner).st_uid == owner
            for each in os.listdir(inner) if entered else ():
                if time.monotonic() > deadline:
                    return False
                _lift(inner, each, top)
        os.rmdir(name, dir_fd=top)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _lift(inner: int, name: str, top: int) -> None:
    """Remove a file; move a directory to the top, under a name of its own."""
    try:
        os.unlink(name, dir_fd=inner)
    except FileNotFoundError:
        return
    except OSError:
        fresh = f".{os.urandom(8).hex()}"
        try:
            os.rename(name, fresh, src_dir_fd=inner, dst_dir_fd=top)
        except PermissionError:
            _make_ours(inner, name)
            os.rename(name, fresh, src_dir_fd=inner, dst_dir_fd=top)
