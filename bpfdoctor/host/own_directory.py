"""Directories and files that are ours alone: the cache, the journal, the locks.

A place is ours where nobody else can put another in its stead: every directory on the way belongs
to root or to us, and others may not write to it (a sticky directory, as /tmp, lets nobody rename
what is another's). A link on the way is followed where it is root's or ours, never another's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from bpfdoctor.host.path_walk import Component, components

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NotOursError(PermissionError):
    """A place that is not ours alone: `strerror` says which, whose it is and its mode."""

    def __init__(self, sentence: str) -> None:
        super().__init__(errno.EACCES, sentence)


def own_directory(path: Path, *, home: str = "", uid: int | None = None, make: bool = True) -> Path:
    """`path`, a directory that is ours alone.

    With `make` it is made where it is missing (but not the `home` that it lies in), and closed
    (mode 0700) where others may enter it. `uid` is who we are, where that is not the effective
    user. Raises NotOursError for a place that another could change, and OSError where it cannot be
    made or looked at.
    """
    us = os.geteuid() if uid is None else uid
    if not path.is_absolute() or not path.name:
        raise NotOursError("it is not an absolute path")
    if home and path.is_relative_to(home) and not os.path.isdir(home):
        raise FileNotFoundError(errno.ENOENT, f"there is no directory {home}")
    for each, anothers in walked(str(path), us, make=make):
        if anothers:
            raise NotOursError(f"{each.path} {_described(each.facts)}")
        if each.last:
            _look_at_last(each, us, make=make)
        else:
            _refuse_writable(each, us)
    return path


def refuse_links_of_others(path: str) -> None:
    """Raise NotOursError where another's link is on the way to a file that is to be written."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for each, anothers in walked(os.path.abspath(path), os.geteuid()):
            if anothers and stat.S_ISLNK(each.facts.st_mode):
                raise NotOursError(f"{each.path} {_described(each.facts)}")


@contextlib.contextmanager
def held_directory(path: str) -> Iterator[int]:
    """A descriptor of a directory, to which no link of another's has led. Raises OSError."""
    descriptor = -1
    for each, anothers in walked(os.path.abspath(path), os.geteuid()):
        if anothers and stat.S_ISLNK(each.facts.st_mode):
            raise NotOursError(f"{each.path} {_described(each.facts)}")
        if each.last and not stat.S_ISLNK(each.facts.st_mode):
            name = os.path.basename(each.path) or "."
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=each.parent)
            if not os.path.samestat(os.fstat(descriptor), each.facts):
                os.close(descriptor)
                raise NotOursError(f"{each.path} was exchanged meanwhile")
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walked(path: str, us: int, *, make: bool = False) -> Iterator[tuple[Component, bool]]:
    """Each component on the way to a path, and whether it is neither root's nor ours.

    Whose `/` is, his is all: in a user namespace, the host's root is not user 0.
    """
    trusted = {0, us}
    for each in components(path, make=make):
        if each.path == "/":
            trusted.add(each.facts.st_uid)
        yield each, each.facts.st_uid not in trusted


def _look_at_last(component: Component, us: int, *, make: bool) -> None:
    path, facts = component.path, component.facts
    if stat.S_ISLNK(facts.st_mode):
        raise NotOursError(f"{path} is a link; a directory of its own is wanted")
    if not stat.S_ISDIR(facts.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, f"{path} is not a directory")
    if facts.st_uid != us:
        raise NotOursError(f"{path} {_described(facts)}")
    if not make:
        _refuse_writable(component, us)
    elif stat.S_IMODE(facts.st_mode) != 0o700:
        os.chmod(os.path.basename(path), 0o700, dir_fd=component.parent)


def _refuse_writable(component: Component, us: int) -> None:
    """Raise NotOursError for a directory in which others may put another in the place of ours."""
    mode = component.facts.st_mode
    if not stat.S_ISDIR(mode) or mode & stat.S_ISVTX or not mode & OTHERS_WRITE:
        return
    if mode & stat.S_IWOTH or not _only_we_are_group(component, us):
        described = f"belongs to {owner_name(component.facts.st_uid)}"
        raise NotOursError(
            f"others may write to {component.path} ({described}, mode {stat.S_IMODE(mode):04o})"
        )


def _only_we_are_group(directory: Component, us: int) -> bool:
    """Whether what its group may do, only root or we may: our own group, where umask is 002.

    With a list of access, the bits of the group are those of the users listed too (acl(5)).
    """
    with contextlib.suppress(OSError):
        if os.getxattr(directory.path, "system.posix_acl_access"):
            return False
    return _is_private_group(directory.facts.st_gid, us)


def _is_private_group(gid: int, us: int) -> bool:
    import grp  # rarely needed
    import pwd

    if gid == 0:
        return True
    try:
        user, group = pwd.getpwuid(us), grp.getgrgid(gid)
    except KeyError:
        return False
    return (
        user.pw_gid == gid
        and group.gr_name == user.pw_name
        and not {*group.gr_mem} - {user.pw_name}
    )


def _described(facts: os.stat_result) -> str:
    kind = "is a link that" if stat.S_ISLNK(facts.st_mode) else ""
    mode = "" if kind else f" (mode {stat.S_IMODE(facts.st_mode):04o})"
    return f"{kind} belongs to {owner_name(facts.st_uid)}{mode}".strip()


def owner_name(uid: int) -> str:
    """The name of a user; the number of one that has none."""
    import pwd  # rarely needed

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
