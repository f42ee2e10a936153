"""What a program reads of its context, and what it returns, as far as that is followed.

The context is what the kernel gives a program in its first register. Only what is certain is told:
a read through a register that holds the context's address, and what the return register holds at
an exit. What goes by the stack or through a function is not followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from bpfdoctor.host.elf.constprop import Number, Other, Registers, Value, Walk
from bpfdoctor.host.elf.instructions import EXIT, GO, GO_FAR, LOADING, LOADS, Instruction, read

MOST_RETURNED, MOST_READS = 8, 64
"""Values that a register may have where ways meet, and places of the context that are told."""

WORD = 8
SIZES = dict(zip(LOADS, (4, 2, 1, 8), strict=True))
"""Bytes that a load reads."""

EQUAL, UNEQUAL = 0x10, 0x50
"""Comparisons: with zero they leave a number otherwise unknown."""

ADDING = 0x07
"""`register += number`, of 64 bits."""


@dataclass(frozen=True)
class ContextPointer(Other):
    """The address of a place in the context."""

    offset: int = 0


@dataclass(frozen=True)
class Word(Other):
    """A word of the context, as it was read."""

    offset: int


@dataclass(frozen=True)
class Either(Other):
    """One of several, by the way that was taken."""

    values: frozenset[Value]


class ContextUse(msgspec.Struct, frozen=True):
    """Offsets and sizes of reads of the context; constants and words of it that are returned.

    `through`: words that are read through, as pointers: their offset in the context, then offset
    and size of what is read. `weighed`: those that are compared with more than nothing, so that
    more is known of them on some ways. `others`: something else may be returned as well, which is
    not followed.
    """

    reads: tuple[tuple[int, int], ...] = ()
    returns: tuple[int, ...] = ()
    returned: tuple[int, ...] = ()
    through: tuple[tuple[int, int, int], ...] = ()
    weighed: tuple[int, ...] = ()
    others: bool = False


class ContextWalk(Walk):
    """All ways through a program."""

    beginning: Registers = {1: ContextPointer()}  # noqa: RUF012  (never changed)

    def use(self, places: Mapping[int, int]) -> ContextUse:
        """What they do with its context; nothing where not all ways were gone.

        `places`: where a load is relocated, and to which offset of a struct.
        """
        if not self.whole:
            return ContextUse()
        ends = list(self._ends())
        values = {each for value in ends for each in _values(value)}
        words = {each.offset for each in values if isinstance(each, Word)}
        constants = {each.value for each in values if isinstance(each, Number)}
        followed = all(isinstance(each, Word | Number) for each in values)
        return ContextUse(
            reads=tuple(sorted(self._reads())[:MOST_READS]),
            returns=tuple(sorted(constants)),
            returned=tuple(sorted(words)),
            weighed=tuple(sorted(words & self._weighed())),
            through=tuple(sorted(self._through(places))[:MOST_READS]),
            others=None in ends or not followed,
        )

    def _met(self) -> Iterator[tuple[Instruction, int, Registers]]:
        for at, registers in self.seen.items():
            yield read(self.code, at), at, registers

    def _reads(self) -> set[tuple[int, int]]:
        """What a CO-RE relocation moves, the kernel's BTF answers for."""
        return {
            (base.offset + this.offset, SIZES[this.operation])
            for this, at, registers in self._met()
            if this.operation in SIZES and at not in self.filled
            for base in (registers.get(this.source),)
            if isinstance(base, ContextPointer)
        }

    def _through(self, places: Mapping[int, int]) -> set[tuple[int, int, int]]:
        """Of what is relocated elsewhere, only that it is read through is known."""
        found = set()
        for this, at, registers in self._met():
            base = registers.get(this.source)
            if this.operation in SIZES and isinstance(base, Word):
                known = at in places or at not in self.filled
                offset = places.get(at, this.offset)
                found.add((base.offset, *((offset, SIZES[this.operation]) if known else (0, 1))))
        return found

    def _weighed(self) -> set[int]:
        found: set[int] = set()
        for this, _, registers in self._met():
            zero = not this.by_register and this.number == 0
            if not this.jumps or this.operation in (GO, GO_FAR):
                continue
            if not (zero and this.operation & 0xF0 in (EQUAL, UNEQUAL)):
                values = _values(registers.get(this.target))
                values |= _values(registers.get(this.source)) if this.by_register else frozenset()
                found |= {each.offset for each in values if isinstance(each, Word)}
        return found

    def _ends(self) -> Iterator[Value | None]:
        for this, _, registers in self._met():
            if this.operation == EXIT:
                yield registers.get(0)

    def _both(self, one: Value | None, other: Value | None) -> Value | None:
        if one == other or one is None or other is None:
            return one if one == other else None
        values = _values(one) | _values(other)
        return Either(values) if len(values) <= MOST_RETURNED else None

    def _result(self, this: Instruction, registers: Registers, at: int) -> Value | None:
        source, target = registers.get(this.source), registers.get(this.target)
        if this.kind == LOADING and isinstance(source, ContextPointer):
            whole = this.operation in LOADS and SIZES[this.operation] == WORD
            return Word(source.offset + this.offset) if whole else None
        if this.operation == ADDING and isinstance(target, ContextPointer):
            return ContextPointer(target.offset + this.number)
        return super()._result(this, registers, at)


def _values(value: Value | None) -> frozenset[Value]:
    if isinstance(value, Either):
        return value.values
    return frozenset() if value is None else frozenset((value,))
