"""The CO-RE relocations of a BPF object by the code that they are in, held against a kernel."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from functools import cached_property

from bpfdoctor.host.btf.matching import Matcher, Missing, in_c
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import ASKS, Asked, Relocate, relocations
from bpfdoctor.host.elf.code import Piece
from bpfdoctor.host.elf.image import Image, TooLargeError

MOST_RELOCATIONS = 1 << 16
MOST_TYPES = 2048
"""CO-RE relocations of an object, and types that they name, that are looked at; the largest
objects known have some thousand, of a hundred types."""


class Lacks:
    """What a kernel lacks for some code, in words, and what the code itself asks about."""

    def __init__(self, asked: Iterable[Asked], local: Btf | None, matcher: Matcher | None) -> None:
        asked = list(asked)
        self.count = len(asked)
        self.questions = [each for each in asked if each.kind in ASKS]
        self._matcher = matcher
        self.missing = self._of(each for each in asked if each.kind not in ASKS)
        self._answered = self._of(self.questions)
        self._types = {in_c(local, each.type) for each in self.questions if local}

    def _of(self, asked: Iterable[Asked]) -> dict[str, Missing]:
        lacks = [self._matcher.lacks(each) for each in asked] if self._matcher else []
        return {str(each): each for each in lacks if each is not None}

    @property
    def asked(self) -> tuple[str, ...]:
        """What is missing and asked about, word for word."""
        return tuple(each for each in self.missing if each in self._answered)

    @property
    def asks(self) -> tuple[str, ...]:
        """What is missing of a type of which something else is asked about."""
        others = (each for each in self.missing if each not in self._answered)
        return tuple(each for each in others if self.missing[each].type in self._types)

    @property
    def absent(self) -> tuple[str, ...]:
        """Whole types that are missing."""
        return tuple(each for each in self.missing if not self.missing[each].part)


class Core:
    """All CO-RE relocations of an object that ask the kernel."""

    def __init__(self, image: Image, local: Btf | None, kernel: Btf | None) -> None:
        self.image, self.local = image, local
        self.matcher = Matcher(local, kernel) if local and kernel else None

    @cached_property
    def _asked(self) -> dict[str, list[tuple[int, Asked]]]:
        """By section, where something is asked and what. Raises TooLargeError."""
        found: dict[str, list[tuple[int, Asked]]] = {}
        types: set[int] = set()
        every = relocations(self.image.named(".BTF.ext"), self.local) if self.local else iter(())
        for number, (section, place, asked) in enumerate(every):
            types.add(asked.type)
            if number >= MOST_RELOCATIONS or len(types) > MOST_TYPES:
                raise TooLargeError("it has more CO-RE relocations than are looked at")
            if asked.kind != Relocate.TYPE_ID_LOCAL:
                found.setdefault(section, []).append((place, asked))
        return {section: sorted(each) for section, each in found.items()}

    def lacks_in(self, pieces: Iterable[Piece]) -> Lacks:
        """What the kernel lacks for this code."""
        found: dict[Asked, None] = {}
        for piece in sorted(pieces):
            places = self._asked.get(self.image.names[piece.section], [])
            first, last = (bisect.bisect_left(places, (at,)) for at in (piece.start, piece.end))
            found.update((asked, None) for _, asked in places[first:last])
        return Lacks(found, self.local, self.matcher)
