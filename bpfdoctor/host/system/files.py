"""Questions about files, directories and mounted file systems."""

from __future__ import annotations

import ctypes
import glob
import gzip
import os
import stat
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.tools.commands import FoundTools, decoded

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

Kind = Literal["file", "directory", "link", "other"]


class FileText(Answer, frozen=True):
    """What a file holds; undecodable bytes are written as escapes."""

    text: str
    truncated: bool = False

    def shown(self) -> str:
        return self.text

    def cut(self) -> bool:
        return self.truncated


class ReadFile(Question[FileText], frozen=True):
    """Read a file, at most `limit` bytes of it; one that ends in `.gz` is unpacked."""

    path: str
    limit: int = 1 << 20

    def put(self, machine: Machine) -> FileText | NoAnswer:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # a FIFO would block
                return NoAnswer("refused", "not a regular file")
            opener = gzip.open if self.path.endswith(".gz") else open
            with opener(self.path, "rb") as file:
                data = file.read(self.limit + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            return NoAnswer("broken", str(error))
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))
        return FileText(decoded(data[: self.limit]), len(data) > self.limit)

    def source(self) -> str:
        return self.path


class PathFacts(Answer, frozen=True):
    """What is at a path. `kind` does not follow a link; `target` and `target_kind` do.

    `target_kind` is empty for a link that leads nowhere; for anything but a link it is `kind`.
    `size` is in bytes, of the target. `mode` is the permission bits of the target.
    """

    kind: Kind
    target: str
    target_kind: Kind | Literal[""]
    size: int
    mode: int
    uid: int
    readable: bool

    def shown(self) -> str:
        link = f" -> {self.target}{'' if self.target_kind else ' (broken)'}" if self.target else ""
        return f"{self.kind}{link}, {self.size} bytes, mode {self.mode:04o}, owner {self.uid}"


class LookAt(Question[PathFacts], frozen=True):
    """What is at `path`, without opening it."""

    path: str

    def put(self, machine: Machine) -> PathFacts | NoAnswer:
        try:
            own = os.lstat(self.path)
            target = os.readlink(self.path) if stat.S_ISLNK(own.st_mode) else ""
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:
            return NoAnswer("refused", str(error))
        try:
            end: os.stat_result | None = os.stat(self.path)
        except OSError:
            end = None
        return PathFacts(
            kind=_kind(own),
            target=decoded(os.fsencode(target)),
            target_kind=_kind(end) if end else "",
            size=(end or own).st_size,
            mode=stat.S_IMODE((end or own).st_mode),
            uid=(end or own).st_uid,
            readable=os.access(self.path, os.R_OK, effective_ids=True),
        )

    def source(self) -> str:
        return f"stat {self.path}"


def _kind(facts: os.stat_result) -> Kind:
    if stat.S_ISREG(facts.st_mode):
        return "file"
    if stat.S_ISDIR(facts.st_mode):
        return "directory"
    return "link" if stat.S_ISLNK(facts.st_mode) else "other"


class Names(Answer, frozen=True):
    """The entries of a directory, sorted."""

    names: tuple[str, ...]

    def shown(self) -> str:
        return "\n".join(self.names) or "(empty)"


class ListDirectory(Question[Names], frozen=True):
    """The names in a directory."""

    path: str

    def put(self, machine: Machine) -> Names | NoAnswer:
        try:
            names = os.listdir(self.path)
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:
            return NoAnswer("refused", str(error))
        return Names(tuple(sorted(decoded(os.fsencode(name)) for name in names)))

    def source(self) -> str:
        return f"ls {self.path}"


class Directory(Answer, frozen=True):
    """A directory's own path, with every link resolved, and those of its parents, nearest first."""

    path: str
    parents: tuple[str, ...]

    def shown(self) -> str:
        return self.path


class AskDirectory(Question[Directory], frozen=True):
    """Where a directory really is; `path` may be relative, as a person gives it.

    The parents are part of the answer, so that a search upwards asks the same on a recorded
    machine, whose paths are redacted.
    """

    path: str

    def put(self, machine: Machine) -> Directory | NoAnswer:
        try:
            found = os.path.realpath(self.path, strict=True)
            os.listdir(found)
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))
        return Directory(_safe(found), tuple(_safe(str(p)) for p in PurePath(found).parents))

    def source(self) -> str:
        return f"$ realpath {self.path}"


def _safe(path: str) -> str:
    return decoded(os.fsencode(path))


class FindExecutables(Question[FoundTools], frozen=True):
    """Executables whose path matches a pattern, or whose name does in a directory of PATH.

    Numbers in names sort by value, highest first: `clang-16` comes before `clang-9`.
    """

    patterns: tuple[str, ...]

    def put(self, machine: Machine) -> FoundTools | NoAnswer:
        places = [p for p in machine.environ.get("PATH", os.defpath).split(":") if p]
        found: set[str] = set()
        for pattern in self.patterns:
            anywhere = [f"{glob.escape(place)}/{pattern}" for place in places]
            wanted = [pattern] if "/" in pattern else anywhere
            found.update(match for each in wanted for match in glob.glob(each))
        usable = (name for name in found if os.path.isfile(name) and os.access(name, os.X_OK))
        return FoundTools(tuple(_safe(name) for name in sorted(usable, key=_version_order)))

    def source(self) -> str:
        return "ls " + " ".join(self.patterns)


def _version_order(path: str) -> tuple[int, str]:
    digits = "".join(c if c.isdigit() else " " for c in path).split()
    return (-int(digits[-1][:9]) if digits else 0, path)


class FileSystem(Answer, frozen=True):
    """The file system that a path is on: the magic number of its superblock (linux/magic.h)."""

    magic: int

    def shown(self) -> str:
        return f"superblock magic {self.magic:#x}"


class AskFileSystem(Question[FileSystem], frozen=True):
    """Which file system is mounted at a path, by statfs(2); an existing directory proves nothing.

    Entering a directory may mount it (tracefs below debugfs is an automount), as for any user.
    """

    path: str
    privileged = True

    def put(self, machine: Machine) -> FileSystem | NoAnswer:
        try:
            return FileSystem(superblock_magic(self.path))
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:
            return NoAnswer("refused", str(error))

    def source(self) -> str:
        return f"statfs {self.path}"


def superblock_magic(path: str) -> int:
    """The magic number of the file system mounted at `path`. Raises OSError."""
    if "\0" in path:  # ctypes would stop there
        raise ValueError("embedded null byte")
    # struct statfs is 120 bytes on 64-bit Linux, 64 on 32-bit; f_type is its first word.
    words = (ctypes.c_long * 64)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(path), ctypes.byref(words)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return words[0] & 0xFFFFFFFF
