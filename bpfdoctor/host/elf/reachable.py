"""What of a BPF object's functions is reached on this kernel, by what the loader fills in."""

from __future__ import annotations

from collections.abc import Container, Mapping

from bpfdoctor.host.elf.code import STEP, Piece
from bpfdoctor.host.elf.core import Core
from bpfdoctor.host.elf.image import Image
from bpfdoctor.host.elf.reach import Option, Value, reached

MOST_STEPS, LONGEST = 1 << 20, 1 << 16
"""Steps that are taken at most for one object, and instructions of a function that is gone through;
all else counts as reached."""


class Reachable:
    """Which places of a function can be reached; each function is gone through once."""

    def __init__(self, image: Image, core: Core, options: Mapping[bytes, int | None]) -> None:
        self.image, self.core, self.options = image, core, options
        self._left = MOST_STEPS
        self._known: dict[Piece, Container[int]] = {}

    def __call__(self, piece: Piece) -> Container[int]:
        """The places; all of them where nothing that is filled in is known."""
        if piece not in self._known:
            filled = self._filled(piece)
            every = range(piece.start, piece.end, STEP)
            known = len(every) <= LONGEST and any(each is not None for each in filled.values())
            self._known[piece] = self._walked(piece, filled) or every if known else every
        return self._known[piece]

    def _walked(self, piece: Piece, filled: Mapping[int, Value | None]) -> set[int] | None:
        code = self.image.data(piece.section)
        most = min(self._left, 16 * (piece.end - piece.start) // STEP)
        self._left -= most
        return reached(code, piece.start, piece.end, filled, most)

    def _filled(self, piece: Piece) -> dict[int, Value | None]:
        filled: dict[int, Value | None] = dict(self.core.answers(piece))
        section, start, end = piece.section, piece.start, piece.end
        for place, number in self.image.symbols_between(section, start, end):
            symbol = self.image.symbol(number)
            option = symbol.name if symbol and symbol.name in self.options else None
            filled[place] = Option(self.options[option]) if option is not None else None
        return filled
