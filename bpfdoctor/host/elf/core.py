"""The CO-RE relocations of a BPF object by the code that they are in, held against a kernel."""

from __future__ import annotations

import bisect
from collections.abc import Container, Iterable, Iterator
from functools import cached_property

from bpfdoctor.host.btf.matching import Matcher, Missing
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import ASKS, Asked, Relocate, relocations
from bpfdoctor.host.elf.code import Function, Reach
from bpfdoctor.host.elf.image import Image, TooLargeError

MOST_RELOCATIONS = 1 << 16
MOST_TYPES = 2048
"""CO-RE relocations of an object, and types that they name, that are looked at; the largest
objects known have some thousand, of a hundred types."""


class MissingTypes:
    """What a kernel lacks for some code: all of it (`every`), and what can be reached of it.

    `needs_module_btf`: libbpf looks for one of its types in the BTF of modules.
    """

    def __init__(self) -> None:
        self.needs_module_btf = False
        self.asked: set[Asked] = set()
        self.every: dict[str, Missing] = {}
        self.met: dict[str, Missing] = {}

    @property
    def unreachable(self) -> tuple[str, ...]:
        """What is missing where the code is never reached."""
        return tuple(each for each in self.every if each not in self.met)

    @property
    def absent(self) -> tuple[str, ...]:
        """Whole types that are missing."""
        return tuple(each for each in self.every if not self.every[each].part)


class Core:
    """All CO-RE relocations of an object that ask the kernel.

    `modules`: modules of the kernel have BTF too, in which a type may be that it has not itself.
    """

    def __init__(self, image: Image, local: Btf | None, kernel: Btf | None, modules: bool) -> None:
        self.image, self.local, self.modules = image, local, modules
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

    def inside(self, piece: Function) -> list[tuple[int, Asked]]:
        """Where a function is relocated, and what is asked there, in order."""
        places = self._asked.get(self.image.names[piece.section], [])
        first, last = (bisect.bisect_left(places, (at,)) for at in (piece.start, piece.end))
        return places[first:last]

    def answers(self, piece: Function) -> Iterator[tuple[int, bool, int | None]]:
        """Where a function is relocated, whether it asks there what there is, and the answer that
        libbpf puts there, if it is known."""
        for place, asked in self.inside(piece):
            known = self.matcher.answer(asked, self.modules) if self.matcher else None
            yield place, asked.kind in ASKS, known

    def places(self, piece: Function) -> Iterator[tuple[int, int]]:
        """Where a function is relocated to a field, and where that is in the kernel's struct."""
        for at, asked in self.inside(piece):
            place = self.matcher.place(asked) if self.matcher else None
            if place is not None:
                yield at, place

    def lacks_in(self, pieces: Iterable[Function], reach: Reach) -> MissingTypes:
        """What the kernel lacks for this code."""
        found = MissingTypes()
        for piece in sorted(pieces):
            self._note(found, piece, reach(piece))
        return found

    def _note(self, found: MissingTypes, piece: Function, places: Container[int]) -> None:
        for place, asked in self.inside(piece):
            found.asked.add(asked)
            found.needs_module_btf |= self.matcher is not None and not self.matcher.knows(
                asked.type
            )
            lack = self.matcher.lacks(asked) if self.matcher and asked.kind not in ASKS else None
            if lack is not None:
                found.every.setdefault(str(lack), lack)
                if place in places:
                    found.met.setdefault(str(lack), lack)
