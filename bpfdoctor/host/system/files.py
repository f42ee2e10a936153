"""Questions about files and directories."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.acting import as_owner_of, may
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.makefile_comments import is_makefile, without_comments
from bpfdoctor.host.published import not_read, published
from bpfdoctor.host.question import OF_ITS_PATH, Answer, NoAnswer, Question
from bpfdoctor.host.reading import opened_regular

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
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> FileText | NoAnswer:
        data = self._data()
        if isinstance(data, NoAnswer):
            return data
        return FileText(decoded(data[: self.limit]), len(data) > self.limit)

    def _data(self) -> bytes | NoAnswer:
        """One byte more than is asked for, where there is more."""
        if not self.path.endswith(".gz"):
            return published(self.path, self.limit + 1)
        try:
            with opened_regular(self.path) as file, gzip.open(file) as unpacked:
                return unpacked.read(self.limit + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            return NoAnswer("broken", str(error))
        except (OSError, ValueError) as error:
            return not_read(error)

    def needed(self, answer: Answer) -> Answer:
        """Of a makefile, what make reads: its comments are for people."""
        if not isinstance(answer, FileText) or not is_makefile(self.path):
            return answer
        return FileText(without_comments(answer.text), answer.truncated)

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
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> PathFacts | NoAnswer:
        try:
            with as_owner_of(self.path):
                return self._facts()
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:
            return NoAnswer("refused", str(error))

    def _facts(self) -> PathFacts:
        own = os.lstat(self.path)
        target = os.readlink(self.path) if stat.S_ISLNK(own.st_mode) else ""
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
            readable=not may(self.path, os.R_OK),
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
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> Names | NoAnswer:
        try:
            with as_owner_of(self.path):
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
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> Directory | NoAnswer:
        try:
            with as_owner_of(self.path):
                found = os.path.realpath(self.path, strict=True)
                os.close(os.open(found, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            found.encode()
        except UnicodeEncodeError:
            return NoAnswer("refused", "its path is not UTF-8")
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))
        return Directory(_safe(found), tuple(_safe(str(p)) for p in PurePath(found).parents))

    def command(self) -> str:
        return f"realpath {self.path}"


def _safe(path: str) -> str:
    return decoded(os.fsencode(path))
