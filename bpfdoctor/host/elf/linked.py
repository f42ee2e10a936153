"""All code that libbpf puts together for a program, reached or not, and what it refers to.

It depends on no kernel. What a kernel reaches of it is less: see `bpfdoctor.host.elf.liveness`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache

from bpfdoctor.host.bpf.asm import BPF_PSEUDO_CALL, JMP_CALL, STEP, decode
from bpfdoctor.host.btf.access_names import access_name
from bpfdoctor.host.btf.relocations import ASKS, MUST_BE_THERE, Asked
from bpfdoctor.host.elf.code import MOST_CODE, Code, Function
from bpfdoctor.host.elf.core import Core
from bpfdoctor.host.elf.image import TooLargeError

DATA = (".data", ".bss", ".rodata")
"""Sections that libbpf makes maps of, and what the names of others begin with: `.data.mine`."""

MOST_NAMED = 16 << 20
"""Characters of the names of all fields, each as often as it is told."""

Field = tuple[str, str]


def is_data(name: str) -> bool:
    """A section of this name holds global data (bpf_object__elf_collect of libbpf)."""
    return name in DATA or name.startswith(tuple(f"{each}." for each in DATA))


class Linked:
    """The code of the programs of an object. Raises TooLargeError."""

    def __init__(self, code: Code, core: Core, options: Collection[str]) -> None:
        self.code, self.core, self.image = code, core, code.image
        self.options = frozenset(options)
        self._left, self._named_left = MOST_CODE, MOST_NAMED
        self._names: dict[Asked, Field] = {}
        self._called, self._is_data = cache(self._called_by), cache(self._refers_to_data)
        self._fields = cache(self._named_in)

    def pieces(self, program: Function) -> set[Function]:
        """The program and every function that it takes along."""
        whole, left = {program}, [program]
        while left:
            piece = left.pop()
            self._left -= piece.end - piece.start
            if self._left < 0:
                raise TooLargeError(f"more than {MOST_CODE} bytes of code")
            new = self._called(piece) - whole
            whole |= new
            left += new
        return whole

    def data(self, pieces: Iterable[Function]) -> bool:
        """Whether they refer to global data, or to an option."""
        return any(map(self._is_data, pieces))

    def fields(self, pieces: Iterable[Function]) -> tuple[Field, ...]:
        """What no kernel may lack of what they name, by name."""
        found: set[Field] = set()
        for piece in pieces:
            for each in self._fields(piece):
                self._charge(each)
                found.add(each)
        return tuple(sorted(found))

    def asks(self, pieces: Iterable[Function]) -> tuple[str, ...]:
        """The types of which they ask what there is, so that they may do without."""
        every = (asked for piece in pieces for _, asked in self.core.inside(piece))
        return tuple(sorted({self._name(each)[0] for each in every if each.kind in ASKS}))

    def _called_by(self, piece: Function) -> frozenset[Function]:
        """The functions that it calls, or takes the address of, itself."""
        code, found = self.image.data(piece.section), set[Function]()
        relocated = dict(self._relocated(piece))
        for at, number in relocated.items():
            found.update(self.code.named_at(number, code, at))
        for at in _calls(code, piece):
            if at not in relocated and decode(code, at).src == BPF_PSEUDO_CALL:
                found.update(self.code.called_at(piece.section, code, at))
        return frozenset(found)

    def _relocated(self, piece: Function) -> Iterator[tuple[int, int]]:
        """Where instructions of its are relocated, and to which symbols."""
        whole = self.image.symbols_between(piece.section, piece.start, piece.end)
        return ((at, number) for at, number in whole if not at % STEP)

    def _refers_to_data(self, piece: Function) -> bool:
        names = self.image.names
        for _, number in self._relocated(piece):
            symbol = self.image.symbol(number)
            inside = symbol.section if symbol else 0
            if symbol and 0 < inside < len(names) and is_data(names[inside]):
                return True
            if symbol and symbol.name.decode(errors="backslashreplace") in self.options:
                return True
        return False

    def _named_in(self, piece: Function) -> frozenset[Field]:
        wanted = (asked for _, asked in self.core.inside(piece) if asked.kind in MUST_BE_THERE)
        return frozenset(map(self._name, wanted))

    def _name(self, asked: Asked) -> Field:
        if asked not in self._names:
            assert self.core.local is not None  # it is its BTF that asks
            found = self._names[asked] = access_name(self.core.local, asked)
            self._charge(found)
        return self._names[asked]

    def _charge(self, field: Field) -> None:
        self._named_left -= len(field[0]) + len(field[1])
        if self._named_left < 0:
            raise TooLargeError("it names more fields than are looked at")


def _calls(code: bytes, piece: Function) -> Iterator[int]:
    """Where the opcode of a call is; the second half of a wide instruction has none."""
    opcodes = code[piece.start : piece.end : STEP]
    at = opcodes.find(JMP_CALL)
    while at >= 0:
        yield piece.start + at * STEP
        at = opcodes.find(JMP_CALL, at + 1)
