"""The code of a BPF object: its programs, the functions that each takes along, what they call."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Container, Iterator
from itertools import islice

import msgspec

from bpfdoctor.host.bpf.asm import BPF_PSEUDO_CALL, JMP_CALL, LD_IMM_DW, STEP, decode
from bpfdoctor.host.elf.image import FUNCTION, Image, TooLargeError
from bpfdoctor.host.elf.newer import InsnForm, newer_form
from bpfdoctor.host.elf.section import EXECUTABLE, PROGBITS, ElfError

HELPER = 0
"""What `src` of a call says where it is none of the BPF_PSEUDO_*."""

FUNCTIONS = ".text"
"""The section of what is no program itself: libbpf appends it to the programs that call it."""

MOST_PROGRAMS, MOST_FUNCTIONS = 1024, 16384
MOST_CODE = 64 << 20
"""Programs and functions of an object, and bytes of code of all programs, each with the functions
that it takes along. The kernel takes 8 MB for one (BPF_COMPLEXITY_LIMIT_INSNS, Linux 5.2)."""


class Function(msgspec.Struct, frozen=True, order=True):
    """A function or program: the number of its section, and where in it it begins and ends."""

    section: int
    start: int
    end: int
    name: str = ""


class References(msgspec.Struct):
    """What code uses: helpers and symbols that it calls, and symbols whose address it takes, by
    number; functions of the object, and instructions that not every kernel knows."""

    helpers: set[int]
    called: set[int]
    pieces: set[Function]
    newer: set[InsnForm] = set()
    taken: set[int] = set()


Reach = Callable[[Function], Container[int]]
"""Which places of a function's instructions count: those that can be reached."""


class Code:
    """The code of an object, as far as it can be reached. Raises ElfError, TooLargeError."""

    def __init__(self, image: Image, reach: Reach) -> None:
        self.image, self.reach = image, reach
        pieces = list(islice(self._pieces(), MOST_FUNCTIONS + 1))
        self.programs = [each for each in pieces if image.names[each.section] != FUNCTIONS]
        if len(self.programs) > MOST_PROGRAMS or len(pieces) > MOST_FUNCTIONS:
            raise TooLargeError(
                f"more than {MOST_PROGRAMS} programs, or {MOST_FUNCTIONS} functions"
            )
        self._sorted = sorted(pieces)
        self._hold_apart()
        self._left = MOST_CODE
        self._direct: dict[Function, References] = {}

    def _pieces(self) -> Iterator[Function]:
        for symbol in self.image.symbols():
            if symbol.type == FUNCTION and self._holds_code(symbol.section):
                name = symbol.name.decode(errors="backslashreplace")
                start, end = symbol.value, symbol.value + symbol.size
                if start >= end or end > self.image.sections[symbol.section].size:
                    raise ElfError(f"its function {name} is not within its section")
                if start % STEP or end % STEP:
                    raise ElfError(f"its function {name} is not made of whole instructions")
                yield Function(symbol.section, start, end, name)

    def _holds_code(self, number: int) -> bool:
        if not 0 < number < len(self.image.sections):
            return False
        section = self.image.sections[number]
        code = section.type == PROGBITS and bool(section.flags & EXECUTABLE)
        return code and not section.bare

    def _hold_apart(self) -> None:
        """No two functions have code in common, so that each byte of it is read once."""
        for one, other in zip(self._sorted, self._sorted[1:], strict=False):
            if one.section == other.section and other.start < one.end:
                raise ElfError(f"its programs in {self.image.names[one.section]} overlap")

    def used(self, program: Function) -> References:
        """What a program uses, together with the functions that it takes along."""
        whole, left = References(set(), set(), {program}), [program]
        while left:
            piece = left.pop()
            self._left -= piece.end - piece.start
            if self._left < 0:
                raise TooLargeError(f"more than {MOST_CODE} bytes of code")
            direct = self._used_by(piece)
            whole.helpers |= direct.helpers
            whole.called |= direct.called
            whole.newer |= direct.newer
            whole.taken |= direct.taken
            left += direct.pieces - whole.pieces
            whole.pieces |= direct.pieces
        return whole

    def _used_by(self, piece: Function) -> References:
        """What one function uses itself."""
        if piece not in self._direct:
            found = self._direct[piece] = References(set(), set(), set())
            code = self.image.data(piece.section)
            places = self.reach(piece)
            for at in range(piece.start, piece.end, STEP):
                if at not in places:
                    continue
                number = self.image.symbol_at(piece.section, at)
                if number is not None:
                    self._refer(found, number, code, at)
                elif code[at] == JMP_CALL:
                    self._call(found, piece.section, code, at)
                elif not (at > piece.start and code[at - STEP] == LD_IMM_DW):
                    form = newer_form(decode(code, at))
                    found.newer |= {form} if form else set()
        return self._direct[piece]

    def called_from(self, section: int, at: int) -> set[Function]:
        """The function of the object that an instruction calls, or whose address it takes."""
        found, code = References(set(), set(), set()), self.image.data(section)
        number = self.image.symbol_at(section, at)
        if number is not None:
            self._refer(found, number, code, at)
        else:
            self._call(found, section, code, at)
        return found.pieces

    def _call(self, used: References, section: int, code: bytes, at: int) -> None:
        """A call of a helper, or of a function in the same section."""
        this = decode(code, at)
        if this.src == HELPER:
            used.helpers.add(this.imm)
        elif this.src == BPF_PSEUDO_CALL:
            used.pieces.update(self.called_at(section, code, at))

    def _refer(self, used: References, number: int, code: bytes, at: int) -> None:
        """A call of a function by its symbol, or its address (bpf_object__reloc_code of libbpf)."""
        (used.called if code[at] == JMP_CALL else used.taken).add(number)
        used.pieces.update(self.named_at(number, code, at))

    def called_at(self, section: int, code: bytes, at: int) -> Iterator[Function]:
        """The function of the same section that the call at a place is one of."""
        return self._beginning_at(section, at + STEP + decode(code, at).imm * STEP)

    def named_at(self, number: int, code: bytes, at: int) -> Iterator[Function]:
        """The function that the instruction at a place calls, or takes the address of, by the
        symbol to which it is relocated."""
        symbol = self.image.symbol(number)
        if symbol is not None:
            value = decode(code, at).imm
            more = (value + 1) * STEP if code[at] == JMP_CALL else value
            yield from self._beginning_at(symbol.section, symbol.value + more)

    def _beginning_at(self, section: int, place: int) -> Iterator[Function]:
        """The function that begins at a place of a section, if one does."""
        at = bisect.bisect_left(self._sorted, Function(section, place, 0))
        each = self._sorted[at] if at < len(self._sorted) else None
        if each and (each.section, each.start) == (section, place):
            yield each
