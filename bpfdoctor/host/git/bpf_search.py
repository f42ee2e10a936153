"""One search for files that name BPF: bounded in what it reads, and in time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.git.bpf_words import BUILD_FILES, SOURCE, is_source, word_in
from bpfdoctor.host.reading import NotRegularError, read_regular

if TYPE_CHECKING:
    from bpfdoctor.host.git.names_below import NamesBelow

LISTED = 20_000
"""Entries of one directory in which sources are sought."""
READ, READ_LIMIT = 300, 1 << 20
"""Build files that are read, and bytes of each."""
SECONDS = 5
"""After which no more build files are read."""
SHOWN, SOURCES = 8, 3
"""Signs that are told, above and below; sources among them, of a directory at or above."""


class Sign(msgspec.Struct, frozen=True):
    """One file that names BPF, and the word in it: for a source, how its name ends."""

    path: str
    word: str

    def shown(self) -> str:
        """`examples/rust/xdp/Cargo.toml (libbpf)`; a source without its word."""
        return self.path if self.word == SOURCE else f"{self.path} ({self.word})"


class Search:
    """One search: what it may still read, what it could not, and whether it was cut short."""

    def __init__(self, start: str, base: str) -> None:
        self.start, self.base = start, base
        self.trusted = {0, os.geteuid(), os.stat(start).st_uid}
        self.unseen: list[str] = []
        self.partial = False
        self._left, self._deadline = READ, time.monotonic() + SECONDS

    def above(self, places: Iterable[str]) -> tuple[Sign, ...]:
        """The signs in each directory itself; above the first, those that no stranger left."""
        paths = (path for place in places for path in self._telling(place))
        return self._first(path for path in paths if self._believed(path))

    def below(self, names: NamesBelow) -> tuple[Sign, ...]:
        """The signs among the files below, nearest first."""
        self.partial = self.partial or names.partial
        self.unseen += [self._relative(path) for path in names.unseen]
        telling = {path for path in names.paths if _may_tell(path)}
        deeper = [path for path in telling if os.path.dirname(path) != self.start]
        return self._first(sorted(deeper, key=lambda path: (path.count("/"), path)))

    def _telling(self, place: str) -> list[str]:
        """The files of a directory that may give a sign, sources first."""
        try:
            with os.scandir(place) as entries:
                names = [entry.name for entry in islice(entries, LISTED)]
                self.partial = self.partial or next(entries, None) is not None
        except OSError as error:
            self._note(place, error)
            names = []
        sources = sorted(filter(is_source, names))[:SOURCES]
        return [f"{place}/{name}" for name in (*sources, *sorted(BUILD_FILES))]

    def _believed(self, path: str) -> bool:
        """Anybody may leave a makefile above a directory of mine that others may write."""
        if os.path.dirname(path) == self.start:
            return True
        try:
            return os.stat(path).st_uid in self.trusted
        except OSError:
            return False

    def _first(self, paths: Iterable[str]) -> tuple[Sign, ...]:
        words = ((path, self._word(path)) for path in paths)
        signs = (Sign(self._relative(path), word) for path, word in words if word)
        return tuple(islice(signs, SHOWN))

    def _word(self, path: str) -> str:
        name = os.path.basename(path)
        if is_source(name):
            return SOURCE
        return word_in(name, self._text(path))

    def _text(self, path: str) -> str:
        if not self._left or time.monotonic() > self._deadline:
            self.partial = True
            return ""
        try:
            data = _read(path)
        except OSError as error:
            self._note(path, error)
            return ""
        self._left -= bool(data)
        self.partial = self.partial or len(data) > READ_LIMIT
        return data[:READ_LIMIT].decode(errors="replace")

    def _note(self, path: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            self.unseen.append(self._relative(path))

    def _relative(self, path: str) -> str:
        return decoded(os.fsencode(os.path.relpath(path, self.base)))


def _may_tell(path: str) -> bool:
    name = path.rpartition("/")[2]
    return is_source(name) or name in BUILD_FILES


def _read(path: str) -> bytes:
    """The beginning of a regular file; nothing of any other (a FIFO would block)."""
    try:
        return read_regular(path, READ_LIMIT + 1)
    except NotRegularError:
        return b""
