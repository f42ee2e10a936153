"""Goes through an object for `bpfdoctor.host.elf.fixed_reads`; what it takes is bounded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bpfdoctor.host.bpf.asm import JMP_CALL, STEP, decode
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import ASKS
from bpfdoctor.host.elf.bpf_reader import BPF, RELOCATABLE
from bpfdoctor.host.elf.code import Code, Function
from bpfdoctor.host.elf.constprop import Address, Value
from bpfdoctor.host.elf.core import Core
from bpfdoctor.host.elf.fixed_reads import FixedRead, ProgramReads
from bpfdoctor.host.elf.image import UNDEFINED, Image
from bpfdoctor.host.elf.kernel_pointers import (
    READING,
    GivenPointers,
    Moved,
    NamedMembers,
    Origin,
    Pointer,
    PointerWalk,
    Read,
)
from bpfdoctor.host.elf.line_info import Line, Lines
from bpfdoctor.host.elf.liveness import CONSTANTS, LONGEST, MOST_STEPS
from bpfdoctor.host.elf.maps import MAPS
from bpfdoctor.host.elf.member_text import (
    MemberText,
    argument_of,
    declared,
    followed_by,
    pointed_at,
)
from bpfdoctor.host.elf.own_types import (
    attached_to,
    context_of,
    kept_in,
    laid_out,
    looked_up,
    parameter_structs,
)
from bpfdoctor.host.elf.section import ElfError
from bpfdoctor.host.elf.section_names import Named as Meant, named
from bpfdoctor.host.reading import opened_regular

MOST_ENTRIES = 256
"""Ways into the functions of one program that are followed."""

MOST_TOLD = 64
"""Reads of a program that are told."""


def read_places(path: str) -> tuple[ProgramReads, ...]:
    """The programs of an object that read at fixed offsets. Raises as `read_object` does."""
    with opened_regular(path) as file:
        image = Image(file)
        order = "<" if sys.byteorder == "little" else ">"
        if (image.machine, image.type, image.layout.order) != (BPF, RELOCATABLE, order):
            raise ElfError("no BPF object of this machine's byte order")
        data = image.named(".BTF")
        return tuple(_Places(image, Btf(data)).programs()) if data else ()


def _whole(piece: Function) -> range:
    return range(piece.start, piece.end, STEP)


class _Places:
    """One object with its own types."""

    def __init__(self, image: Image, local: Btf) -> None:
        self.image, self.local = image, local
        self.code, self.lines = Code(image, _whole), Lines(image, local)
        self.core = Core(image, local, None, False)
        self._left = MOST_STEPS

    def programs(self) -> Iterator[ProgramReads]:
        for piece in self.code.programs:
            meant = named(self.image.names[piece.section]) or Meant("", "")
            found = dict.fromkeys(self._reads(piece, meant))
            if found:
                reads = tuple(found)[:MOST_TOLD]
                yield ProgramReads(piece.name, attached_to(meant), reads)

    def _reads(self, program: Function, meant: Meant) -> Iterator[FixedRead]:
        """Those of a program and of the functions that it calls, as it calls them."""
        begun = (program, GivenPointers(context=context_of(self.local, meant, program)))
        left, met = [begun], {(program, begun[1].arguments)}
        while left:
            piece, entry = left.pop()
            place = _Piece(self, piece)
            walk = place.walk(entry)
            yield from place.told(walk, entry)
            for at, given in walk.calls():
                for callee in self.code.called_from(piece.section, at):
                    known = (callee, self._given(callee, given))
                    if known not in met and len(met) < MOST_ENTRIES:
                        met.add(known)
                        left.append((callee, GivenPointers(known[1])))

    def _given(
        self, callee: Function, given: tuple[Pointer | None, ...]
    ) -> tuple[Pointer | None, ...]:
        """What a function is given: the object's types say of it what is not followed."""
        structs = parameter_structs(self.local, callee)
        return tuple(
            replace(each, added=-1) if each else _typed(struct)
            for each, struct in zip(given, structs, strict=True)
        )

    def steps(self, piece: Function) -> int:
        length = len(_whole(piece))
        most = min(self._left, 16 * length) if length <= LONGEST else 0
        self._left -= most
        return most


def _typed(struct: str) -> Pointer | None:
    return Pointer(Origin(struct, doubtful=True)) if struct else None


class _Piece:
    """One function: how it is walked through, and which member is read where."""

    def __init__(self, places: _Places, piece: Function) -> None:
        self.places, self.piece = places, piece
        self.code = places.image.data(piece.section)
        self.moved: dict[int, Moved] = {}
        self.maps: dict[int, str] = {}
        self.filled: dict[int, Value | None] = {}
        for at, asked in places.core.inside(piece):
            self.filled[at] = Address(None) if asked.kind in ASKS else None
            member = looked_up(places.local, asked)
            if member:
                self.moved[at] = member
        for at, number in places.image.symbols_between(*self._range):
            self.filled[at] = Address(None) if self._of_the_loader(number) else None
            self._note_map(at, number)

    @property
    def _range(self) -> tuple[int, int, int]:
        return self.piece.section, self.piece.start, self.piece.end

    def _note_map(self, at: int, number: int) -> None:
        symbol, names = self.places.image.symbol(number), self.places.image.names
        if symbol and symbol.section < len(names) and names[symbol.section] == MAPS:
            self.maps[at] = symbol.name.decode(errors="backslashreplace")

    def _of_the_loader(self, number: int) -> bool:
        symbol, names = self.places.image.symbol(number), self.places.image.names
        if symbol is None or symbol.section == UNDEFINED:
            return symbol is not None
        return symbol.section < len(names) and names[symbol.section].startswith(CONSTANTS)

    def walk(self, entry: GivenPointers, guard: bool | None = None) -> PointerWalk:
        """All ways, or those where what the loader fills in always leads the same way."""
        names = NamedMembers(
            member=lambda at, pointer: self._member(at, pointer)[0].path,
            moved=self.moved,
            maps=self.maps,
            kept=partial(kept_in, self.places.local),
        )
        begin, end, steps = self.piece.start, self.piece.end, self.places.steps(self.piece)
        return PointerWalk(
            self.code, begin, end, self.filled, steps, entry=entry, names=names, guard=guard
        )

    def told(self, walk: PointerWalk, entry: GivenPointers) -> Iterator[FixedRead]:
        reads = list(walk.reads()) if walk.whole else []
        always = self._always(entry) if reads else set()
        for read in reads:
            yield self._fact(read, guarded=read.place not in always)

    def _always(self, entry: GivenPointers) -> set[int]:
        """Places that are reached whichever way the loader's answers lead."""
        if not any(isinstance(each, Address) for each in self.filled.values()):
            return set(_whole(self.piece))
        one, other = (self.walk(entry, guard) for guard in (True, False))
        return set(one.seen) & set(other.seen) if one.whole and other.whole else set()

    def _fact(self, read: Read, *, guarded: bool) -> FixedRead:
        pointer, origin = read.pointer, read.pointer.origin
        member, line = self._member(read.place, pointer)
        words = {member.cast} - {""} or declared(self.places.lines.texts(self.piece), member.base)
        asked = words | set(parameter_structs(self.places.local, self.piece)) - {""}
        asked |= {origin.struct} if origin.struct and not origin.members else set()
        laid = {each: laid_out(self.places.local, each, pointer.offset) for each in asked}
        return FixedRead(
            offset=pointer.offset,
            size=read.size,
            struct=origin.struct,
            parameter=origin.parameter,
            members=origin.members,
            member=member.path,
            declared=tuple(sorted(words)),
            laid=tuple(sorted((each, found) for each, found in laid.items() if found is not None)),
            direct=read.direct,
            doubtful=origin.doubtful,
            guarded=guarded,
            file=line.file if line else "",
            line=line.number if line else 0,
            text=line.text if line else "",
        )

    def _member(self, at: int, pointer: Pointer) -> tuple[MemberText, Line | None]:
        """What is read at a place by the source, and the line that says so."""
        line = self._line(pointer.added) if pointer.added >= 0 else None
        member = pointed_at(line.text, line.column) if line else None
        if member:
            return member, line
        line = self._line(at)
        member = argument_of(line.text, line.column) if line else None
        return member or MemberText(self._followed(at, line) if line else ""), line

    def _line(self, at: int) -> Line | None:
        return self.places.lines.at(self.piece.section, at)

    def _followed(self, at: int, line: Line) -> str:
        """The member that a macro of libbpf's reads: of several, one after the other."""
        members = followed_by(line.text, line.column)
        places = (
            [each for each in _whole(self.piece) if self._reads(each) and self._line(each) == line]
            if members
            else []
        )
        sound = at in places and not len(places) % len(members)
        return members[places.index(at) % len(members)] if sound else ""

    def _reads(self, at: int) -> bool:
        this = decode(self.code, at)
        return this.code == JMP_CALL and not this.src and this.imm in READING
