"""The source lines of an object's code, as `.BTF.ext` has them (`bpf_line_info` of linux/bpf.h).

The texts come from whoever compiled the object: they are cut, and never trusted to be C.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import NamedTuple

from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import LINES, records
from bpfdoctor.host.elf.code import Function
from bpfdoctor.host.elf.image import Image

MOST_LINES = 1 << 18
"""Lines of an object that are looked at; the largest objects known have some ten thousand."""

LONGEST_LINE, LONGEST_FILE = 1024, 255
"""Characters of a line and of a file's name that are told; a column is below 1024."""


class Line(NamedTuple):
    """A place in the source: columns count from 1, and 0 is none."""

    file: str
    number: int
    column: int
    text: str


class Lines:
    """Which line of the source each instruction comes from; nothing where that is not told."""

    def __init__(self, image: Image, local: Btf) -> None:
        self._local = local
        self._inside: dict[str, list[tuple[int, int, int, int]]] = {}
        self._names = image.names
        for number, (section, entry) in enumerate(records(image.named(".BTF.ext"), local, LINES)):
            if number >= MOST_LINES:
                break
            self._inside.setdefault(section, []).append(entry)
        for entries in self._inside.values():
            entries.sort()

    def at(self, section: int, place: int) -> Line | None:
        """The line of the instruction at a place of a section; None without."""
        entries = self._inside.get(self._names[section], [])
        at = bisect.bisect_right(entries, (place, 1 << 32, 0, 0)) - 1
        return self._line(entries[at]) if at >= 0 else None

    def texts(self, piece: Function) -> Iterator[str]:
        """The text of every line that a function's code comes from, each once."""
        entries = self._inside.get(self._names[piece.section], [])
        first, last = (bisect.bisect_left(entries, (at,)) for at in (piece.start, piece.end))
        for offset in {entry[2] for entry in entries[first:last]}:
            yield self._local.string(offset)[:LONGEST_LINE]

    def _line(self, entry: tuple[int, int, int, int]) -> Line | None:
        _, file, text, place = entry
        name = self._local.string(file).rpartition("/")[2][:LONGEST_FILE]
        line = self._local.string(text)[:LONGEST_LINE]
        return Line(name, place >> 10, place & 0x3FF, line) if place >> 10 else None
