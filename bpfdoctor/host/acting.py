"""File access as another user, in one thread."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator, Sequence
from functools import cache

from bpfdoctor.host.credentials import Credentials, owner_on_the_way
from bpfdoctor.host.limits import NO_OTHER, LimitError
from bpfdoctor.host.syscalls import UnknownArchitectureError, numbers, syscall

_LIBC = ctypes.CDLL(None)


@contextlib.contextmanager
def acting_as(identity: Credentials | None) -> Iterator[None]:
    """File access of this thread as another user: its rights, and what it makes is that user's.

    setfsuid(2) is each thread's own (a thread started meanwhile inherits it), and takes the
    capabilities over files away until it is undone (capabilities(7)). Modules that are first
    imported meanwhile are looked for with that user's rights too: import them before. Raises
    LimitError where the kernel does not grant it.
    """
    if identity is None:
        yield
        return
    before = Credentials(_LIBC.setfsuid(-1), _LIBC.setfsgid(-1), tuple(os.getgroups()))
    _become(identity)
    try:
        if _LIBC.setfsuid(-1) != identity.uid:  # -1 changes nothing and tells who we are
            raise LimitError(NO_OTHER)
        yield
    finally:
        _become(before)


def as_owner_of(path: str) -> contextlib.AbstractContextManager[None]:
    """File access below `path` with the rights of whoever it belongs to, where we are root.

    Raises OSError where that cannot be told (`owner_on_the_way`), or is not granted.
    """
    return acting_as(owner_on_the_way(path))


def _become(identity: Credentials) -> None:
    _set_groups(identity.groups)
    _LIBC.setfsgid(identity.gid)
    _LIBC.setfsuid(identity.uid)


def _set_groups(groups: Sequence[int]) -> None:
    """setgroups(2) of this thread alone: the C library's would change every thread.

    A user namespace may allow it to nobody (`/proc/PID/setgroups`, user_namespaces(7)).
    """
    listed = (ctypes.c_uint32 * max(1, len(groups)))(*groups)
    with contextlib.suppress(OSError, UnknownArchitectureError):
        syscall(numbers().setgroups, len(groups), ctypes.addressof(listed))


def may(path: str, wanted: int) -> str:
    """Empty where this thread may do `wanted` (os.W_OK …) to a path; else the errno's name."""
    try:
        _access(path, wanted)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "EACCES")
    return ""


AT_FDCWD, AT_EACCESS = -100, 0x200
"""linux/fcntl.h: `AT_EACCESS` asks for the effective user, which for files is the one acted as."""


def _access(path: str, wanted: int) -> None:
    if _knows_faccessat2():
        _faccessat2(path, wanted)
    else:
        _access_by_mode(path, wanted)


def _faccessat2(path: str, wanted: int) -> None:
    name = ctypes.create_string_buffer(os.fsencode(path))
    syscall(numbers().faccessat2, AT_FDCWD, ctypes.addressof(name), wanted, AT_EACCESS)


@cache
def _knows_faccessat2() -> bool:
    """Kernels before Linux 5.8 do not (ENOSYS), nor do some containers' filters (EPERM)."""
    try:
        _faccessat2("/", os.F_OK)
    except (OSError, UnknownArchitectureError):
        return False
    return True


def _access_by_mode(path: str, wanted: int) -> None:
    """What the permission bits say, and the mount: lists of access (acl(5)) are not read."""
    facts = os.stat(path)
    uid, gid = _LIBC.setfsuid(-1), _LIBC.setfsgid(-1)
    if wanted & os.W_OK and os.statvfs(path).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if facts.st_uid == uid:
        granted = facts.st_mode >> 6
    elif facts.st_gid == gid or facts.st_gid in os.getgroups():
        granted = facts.st_mode >> 3
    else:
        granted = facts.st_mode
    if uid != 0 and wanted & ~granted & 7:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
