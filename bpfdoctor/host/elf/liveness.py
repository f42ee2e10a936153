"""What of a BPF object's functions is reached on this kernel, by what the loader fills in."""

from __future__ import annotations

from collections.abc import Container, Mapping

from bpfdoctor.host.bpf.asm import STEP
from bpfdoctor.host.elf.code import Function
from bpfdoctor.host.elf.constprop import Address, Number, Value, Walk
from bpfdoctor.host.elf.context import ContextUse, ContextWalk
from bpfdoctor.host.elf.core import Core
from bpfdoctor.host.elf.image import LOCAL, OBJECT, Image

CONSTANTS = ".rodata"
"""What the sections of constants are called; the loader may set those that have a global name."""

MOST_STEPS, LONGEST = 1 << 20, 1 << 16
"""Steps that are taken at most for one object, and instructions of a function that is gone through;
all else counts as reached."""


class Reachable:
    """Which places of a function can be reached; each function is gone through once."""

    def __init__(self, image: Image, core: Core, told: Mapping[bytes, Value]) -> None:
        self.image, self.core, self.told = image, core, told
        self._left = self._left_for_context = MOST_STEPS
        self._known: dict[Function, tuple[Container[int], bool]] = {}

    def __call__(self, piece: Function) -> Container[int]:
        """The places; all of them where the loader fills in nothing."""
        return self._looked(piece)[0]

    def doubtful(self, piece: Function) -> bool:
        """Less of it may be reached than is seen here."""
        return self._looked(piece)[1]

    def use(self, piece: Function) -> ContextUse:
        """What a program does with its context."""
        length = (piece.end - piece.start) // STEP
        most = min(self._left_for_context, 16 * length) if length <= LONGEST else 0
        self._left_for_context -= most
        code = self.image.data(piece.section)
        walk = ContextWalk(code, piece.start, piece.end, self._filled(piece), most)
        return walk.use(dict(self.core.places(piece)))

    def _looked(self, piece: Function) -> tuple[Container[int], bool]:
        if piece not in self._known:
            every, filled = range(piece.start, piece.end, STEP), self._filled(piece)
            self._known[piece] = every, False
            if any(each is not None for each in filled.values()):
                self._known[piece] = self._walked(piece, filled, len(every)) or (every, True)
        return self._known[piece]

    def _walked(
        self, piece: Function, filled: Mapping[int, Value | None], length: int
    ) -> tuple[Container[int], bool] | None:
        most = min(self._left, 16 * length) if length <= LONGEST else 0
        self._left -= most
        walk = Walk(self.image.data(piece.section), piece.start, piece.end, filled, most)
        return (set(walk.seen), walk.lost) if walk.whole else None

    def _filled(self, piece: Function) -> dict[int, Value | None]:
        filled: dict[int, Value | None] = {}
        for place, question, value in self.core.answers(piece):
            known = Number(value) if value is not None else Address(None)
            filled[place] = known if question else None
        section, start, end = piece.section, piece.start, piece.end
        for place, number in self.image.symbols_between(section, start, end):
            filled[place] = self._address(number)
        return filled

    def _address(self, number: int) -> Value | None:
        """An option's, that of a weak name, or of a constant that the loader may set."""
        symbol, names = self.image.symbol(number), self.image.names
        if symbol is None:
            return None
        if symbol.name in self.told:
            return self.told[symbol.name]
        constant = symbol.type == OBJECT and symbol.binding != LOCAL
        inside = symbol.section < len(names) and names[symbol.section].startswith(CONSTANTS)
        return Address(None) if constant and inside else None
