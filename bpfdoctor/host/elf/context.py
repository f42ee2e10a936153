"""What a program reads of its context, and what it returns, as far as that is followed.

The context is what the kernel gives a program in its first register. Only what is certain is told:
a read through a register that holds the context's address, and what the return register holds at
an exit. What goes by the stack or through a function is not followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from bpfdoctor.host.bpf.asm import (
    BPF_ADD,
    BPF_ALU64,
    BPF_DW,
    BPF_JEQ,
    BPF_JNE,
    BPF_K,
    BPF_LDX,
    BPF_REG_0,
    BPF_REG_1,
    BYTES,
    JMP32_JA,
    JMP_EXIT,
    JMP_JA,
    LDX_MEM,
    Instruction,
    decode,
)
from bpfdoctor.host.elf.constprop import Number, Other, Registers, Value, Walk

MOST_RETURNED, MOST_READS = 8, 64
"""Values that a register may have where ways meet, and places of the context that are told."""

SIZES = {code: BYTES[size] for size, code in LDX_MEM.items()}
"""Bytes that a load reads."""

ADDING = BPF_ALU64 | BPF_ADD | BPF_K
"""`dst += imm`, of 64 bits."""


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

    beginning: Registers = {BPF_REG_1: ContextPointer()}  # noqa: RUF012  (never changed)

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
            yield decode(self.code, at), at, registers

    def _reads(self) -> set[tuple[int, int]]:
        """What a CO-RE relocation moves, the kernel's BTF answers for."""
        return {
            (base.offset + this.off, SIZES[this.code])
            for this, at, registers in self._met()
            if this.code in SIZES and at not in self.filled
            for base in (registers.get(this.src),)
            if isinstance(base, ContextPointer)
        }

    def _through(self, places: Mapping[int, int]) -> set[tuple[int, int, int]]:
        """Of what is relocated elsewhere, only that it is read through is known."""
        found = set()
        for this, at, registers in self._met():
            base = registers.get(this.src)
            if this.code in SIZES and isinstance(base, Word):
                known = at in places or at not in self.filled
                offset = places.get(at, this.off)
                found.add((base.offset, *((offset, SIZES[this.code]) if known else (0, 1))))
        return found

    def _weighed(self) -> set[int]:
        found: set[int] = set()
        for this, _, registers in self._met():
            zero = not this.by_register and this.imm == 0
            if not this.jumps or this.code in (JMP_JA, JMP32_JA):
                continue
            if not (zero and this.op in (BPF_JEQ, BPF_JNE)):  # leaves it otherwise unknown
                values = _values(registers.get(this.dst))
                values |= _values(registers.get(this.src)) if this.by_register else frozenset()
                found |= {each.offset for each in values if isinstance(each, Word)}
        return found

    def _ends(self) -> Iterator[Value | None]:
        for this, _, registers in self._met():
            if this.code == JMP_EXIT:
                yield registers.get(BPF_REG_0)

    def _both(self, one: Value | None, other: Value | None) -> Value | None:
        if one == other or one is None or other is None:
            return one if one == other else None
        values = _values(one) | _values(other)
        return Either(values) if len(values) <= MOST_RETURNED else None

    def _result(self, this: Instruction, registers: Registers, at: int) -> Value | None:
        source, target = registers.get(this.src), registers.get(this.dst)
        if this.insn_class == BPF_LDX and isinstance(source, ContextPointer):
            whole = this.code == LDX_MEM[BPF_DW]
            return Word(source.offset + this.off) if whole else None
        if this.code == ADDING and isinstance(target, ContextPointer):
            return ContextPointer(target.offset + this.imm)
        return super()._result(this, registers, at)


def _values(value: Value | None) -> frozenset[Value]:
    if isinstance(value, Either):
        return value.values
    return frozenset() if value is None else frozenset((value,))
