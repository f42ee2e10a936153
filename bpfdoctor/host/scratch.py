"""Directories that a run makes for itself, and the removal of those that killed runs left behind.

A directory is known for ours by all of this together: its full name, its mode, its owner, and a
marker inside, a file with a known text. Its run holds a lock on the marker (flock(2)), which goes
with the run, whatever ends it: so a directory that is in use is told from one that was left, in
another PID namespace too. Nothing else is ever removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import Credentials, credentials_of, owner_on_the_way
from bpfdoctor.host.removal import DIRECTORY, empty, opened

TEMPORARY = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108  (as in tempfile)

PLACES = ("/run", "/var/tmp")  # noqa: S108  (looked through; nothing but our own is touched)
"""Where scratch may lie beside the usual directory for temporary files."""

NAME = re.compile(r"bpfdoctor-([0-9a-f]{8}|noboot)-([1-9][0-9]{0,6})-[a-z0-9_]{8}")
"""Boot, process id, and eight characters as `tempfile` chooses them."""

MARKER = ".bpfdoctor-scratch"
TEXT = b"bpfdoctor made this directory, and removes it with all that is in it.\n"

OURS, OURS_AND_LENT = 0o700, 0o711
"""Its modes: of one that holds a directory of another user's, the way there may be passed."""


def boot_id() -> str:
    """The first part of this boot's id: a process id alone may be reused after a reboot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return "noboot"


def scratch_prefix() -> str:
    """`bpfdoctor-<boot>-<pid>-`: begins the name of what a run may leave behind if it is killed."""
    return f"bpfdoctor-{boot_id()}-{os.getpid()}-"


class Scratch:
    """A new directory in `place`, ours alone until `remove`. Raises OSError."""

    def __init__(self, place: str | Path) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=scratch_prefix(), dir=place))
        self._parent = os.open(self.path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._directory = os.open(self.path.name, os.O_RDONLY | DIRECTORY, dir_fd=self._parent)
            os.fchmod(self._directory, OURS)
            self._marker = _mark(self._directory)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(self.path / MARKER)
            self.path.rmdir()
            raise

    def lend(self, identity: Credentials) -> Path:
        """A directory of another user's in ours. Raises OSError."""
        name = f"user-{identity.uid}"
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, OURS, dir_fd=self._directory)
            os.chown(
                name, identity.uid, identity.gid, dir_fd=self._directory, follow_symlinks=False
            )
        os.fchmod(self._directory, OURS_AND_LENT)
        return self.path / name

    def remove(self) -> bool:
        """Remove it with all that is in it; whether it is gone. What stays is left to the sweep."""
        if self._marker < 0:
            return True
        gone = _removed(self._parent, self.path.name, self._directory)
        gone = gone or not os.path.lexists(self.path)  # somebody else has removed it
        if gone:
            for each in (self._marker, self._directory, self._parent):
                os.close(each)
            self._marker = -1
        return gone


def _mark(directory: int) -> int:
    """The marker of a new directory: locked first, then written, so that none is seen unlocked."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    marker = os.open(MARKER, flags, 0o600, dir_fd=directory)
    try:
        os.fchmod(marker, 0o600)
        with contextlib.suppress(OSError):  # a file system without locks: never swept
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(marker, TEXT)
    except BaseException:
        os.close(marker)
        raise
    return marker


def sweep_scratch(*others: Path) -> list[str]:
    """Remove what dead runs of this user left in the usual places and `others`. Never raises.

    The paths of what was removed.
    """
    places = [*PLACES, *map(str, others)]
    with contextlib.suppress(OSError):  # there is none, or it is full
        places.insert(0, tempfile.gettempdir())
    return [path for place in dict.fromkeys(places) for path in _swept(place)]


def _swept(place: str) -> list[str]:
    removed: list[str] = []
    with contextlib.suppress(OSError), contextlib.ExitStack() as held:
        parent = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, parent)
        for name in filter(NAME.fullmatch, os.listdir(parent)):
            with contextlib.suppress(OSError):  # BlockingIOError: its run is alive
                if _sweep(parent, name):
                    removed.append(f"{place}/{name}")
    return removed


def _sweep(parent: int, name: str) -> bool:
    """Remove one directory if it is ours and nobody's any more. Raises OSError where it is not."""
    if not _is_ours(os.stat(name, dir_fd=parent, follow_symlinks=False), parent):
        return False
    with opened(parent, name) as directory:
        marker = os.open(
            MARKER, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory
        )
        try:
            if not _is_ours(os.fstat(directory), parent) or not _is_marker(marker):
                return False
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _removed(parent, name, directory)
        finally:
            os.close(marker)


def _is_ours(facts: os.stat_result, parent: int) -> bool:
    return (
        stat.S_ISDIR(facts.st_mode)
        and facts.st_uid == os.geteuid()
        and facts.st_mode & 0o777 in (OURS, OURS_AND_LENT)
        and facts.st_dev == os.fstat(parent).st_dev
    )


def _is_marker(marker: int) -> bool:
    facts = os.fstat(marker)
    return (
        stat.S_ISREG(facts.st_mode)
        and facts.st_uid == os.geteuid()
        and stat.S_IMODE(facts.st_mode) == 0o600
        and facts.st_nlink == 1
        and os.pread(marker, len(TEXT) + 1, 0) == TEXT
    )


def _removed(parent: int, name: str, directory: int) -> bool:
    """Remove a directory of ours; the marker goes last, so that what stays is still known."""
    with contextlib.suppress(OSError):
        for each in os.listdir(directory):
            facts = os.stat(each, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode) and facts.st_uid != os.geteuid():
                _empty_lent(directory, each, facts.st_uid)
        lent = os.fstat(directory).st_mode & 0o777 != OURS
        empty(directory, keep=MARKER, owner=os.geteuid() if lent else None)
        if os.listdir(directory) in ([MARKER], []):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(MARKER, dir_fd=directory)
            os.rmdir(name, dir_fd=parent)
            return True
    return False


def _empty_lent(parent: int, name: str, uid: int) -> None:
    """With the rights of its user, who may be at work there: what he may not remove, stays."""
    with contextlib.suppress(OSError), opened(parent, name) as lent:
        if os.fstat(lent).st_uid == uid:
            with acting_as(credentials_of(uid)):
                empty(lent)


def temporary_place() -> str:
    """Where temporary files go: never the working directory, which may be a checkout.

    Nor a directory in which another user may put something else in the place of ours. Raises
    OSError where there is no place for them.
    """
    named = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    found = tempfile.gettempdir()  # its last resort is the working directory
    if found in {os.path.abspath(each) for each in (*named, *TEMPORARY) if each}:
        for each in (found, *TEMPORARY):
            if _is_safe(each):
                return each
    raise OSError(errno.ENOENT, "there is no directory for temporary files")


def usable_temporary(environ: Mapping[str, str]) -> bool:
    """Whether compilers can work in the directory that the environment names, if it names one.

    gcc and clang take the first of these variables that is set, and look no further when a file
    cannot be made there.
    """
    named = [environ.get(name, "") for name in ("TMPDIR", "TMP", "TEMP")]
    place = next(filter(None, named), "")
    try:
        with contextlib.ExitStack() as stack:
            if place:
                stack.enter_context(tempfile.TemporaryFile(dir=place))
    except (OSError, ValueError):
        return False
    return True


def _is_safe(place: str) -> bool:
    """Whether no user has a say in what lies there who is neither we nor root."""
    if os.geteuid() != 0:
        return True  # a choice of our own
    try:
        path = Path(place).resolve(strict=True)
        ways = (path, *path.parents)
        return owner_on_the_way(place) is None and not any(map(_open_to_all, ways))
    except OSError:
        return False


def _open_to_all(directory: Path) -> bool:
    mode = directory.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX
