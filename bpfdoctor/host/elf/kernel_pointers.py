"""Where pointers into the kernel come from in a function, and what is read through them.

Followed are the running task (`bpf_get_current_task`), the parameters that a program is given in
its context, and pointers that were read through such a one, by way of registers and the stack.
Whatever is not followed is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bpfdoctor.host.bpf.asm import (
    ALU64_MOV_X,
    BPF_ADD,
    BPF_ALU64,
    BPF_DW,
    BPF_LDX,
    BPF_MEM,
    BPF_PSEUDO_CALL,
    BPF_REG_0,
    BPF_REG_1,
    BPF_REG_2,
    BPF_REG_3,
    BPF_REG_10,
    BPF_ST,
    BPF_STX,
    BPF_X,
    BYTES,
    JMP_CALL,
    LD_IMM_DW,
    LDX_MEM,
    Instruction,
    decode,
)
from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.elf.alu import ALL
from bpfdoctor.host.elf.constprop import (
    ARGUMENTS,
    CALLS,
    LEFT_BY_A_CALL,
    Address,
    Filled,
    Number,
    Other,
    Registers,
    Value,
    Walk,
)
from bpfdoctor.host.elf.context import ADDING, SIZES, ContextPointer

_READING = ("probe_read", "probe_read_kernel", "probe_read_str", "probe_read_kernel_str")
READING = frozenset(HELPERS[name].number for name in _READING)
"""Helpers that read kernel memory: to their first argument, as much as the second, from the third
(bpf_probe_read reads the user's too, on machines where the two do not overlap)."""

TASK, TYPED_TASK = (HELPERS[name].number for name in ("get_current_task", "get_current_task_btf"))
"""Helpers that return the address of the running task's `struct task_struct`."""

LOOKUP = HELPERS["map_lookup_elem"].number
"""The helper that returns the address of a map's value."""

_ONLY_READING = (
    *("map_lookup_elem", "map_update_elem", "map_delete_elem", "trace_printk"),
    *("perf_event_output", "ringbuf_output"),
)
ONLY_READING = frozenset(HELPERS[name].number for name in _ONLY_READING)
"""Helpers that write to none of what they are given the address of."""

STACK = 512
"""Bytes of a function's stack (MAX_BPF_STACK of linux/filter.h); its places count down from 0."""

MOST_STEPS = 8
"""Pointers that are followed one after the other."""

ADDING_REGISTER = BPF_ALU64 | BPF_ADD | BPF_X
"""`dst += src`, of 64 bits."""


@dataclass(frozen=True)
class Origin:
    """What a pointer points to: `struct` where the object names it, or the `parameter` of what the
    program is attached to; then the members that were followed from there, each by its name (empty
    where that is not told). `typed`: the verifier knows its type, so that it is read directly.

    `doubtful`: the object names a type that the pointer may not have.
    """

    struct: str = ""
    parameter: int | None = None
    members: tuple[str, ...] = ()
    typed: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Pointer(Other):
    """An address so many bytes behind that; `added`: the place where the last were added."""

    origin: Origin
    offset: int = 0
    added: int = field(default=-1, compare=False)


@dataclass(frozen=True)
class Frame(Other):
    """The address of a place in the function's stack."""

    offset: int = 0


@dataclass(frozen=True)
class Moved(Other):
    """The offset of a member that the loader fills in, or (`address`) where the member is."""

    struct: str
    member: str
    address: bool = False


@dataclass(frozen=True)
class MapPlace(Other):
    """The address of a map, or (`value`) of a place in one of its values."""

    name: str
    value: bool = False
    offset: int = 0


class Read(NamedTuple):
    """A read at a place of the code, and of how much (0: that is not known)."""

    place: int
    pointer: Pointer
    size: int
    direct: bool


class GivenPointers(NamedTuple):
    """What a function is given: in its first registers, or (`context`) a program's context, of
    which a place says what kernel address lies there."""

    arguments: tuple[Pointer | None, ...] = ()
    context: Callable[[int], Origin | None] | None = None


class NamedMembers(NamedTuple):
    """What the object says of a function's code: which member is read at a place through a pointer
    (`member`), which one the loader looks up for the instruction at a place (`moved`), which map's
    address it takes there (`maps`), and what pointer lies in a map's values (`kept`)."""

    member: Callable[[int, Pointer], str]
    moved: Mapping[int, Moved]
    maps: Mapping[int, str]
    kept: Callable[[str, int], Origin | None]


class PointerWalk(Walk):
    """All ways through a function, or (`guard`) those where what the loader fills in always leads
    the same way."""

    def __init__(  # noqa: PLR0913  (each is a part of what is walked through)
        self,
        code: bytes,
        start: int,
        end: int,
        filled: Filled,
        steps: int,
        *,
        entry: GivenPointers,
        names: NamedMembers,
        guard: bool | None = None,
    ) -> None:
        self.entry, self.names, self.guard = entry, names, guard
        self.beginning = {BPF_REG_10: Frame()}
        for number, each in enumerate(entry.arguments, BPF_REG_1):
            if each is not None:
                self.beginning[number] = each
        if entry.context:
            self.beginning[BPF_REG_1] = ContextPointer()
        super().__init__(code, start, end, filled, steps)

    def reads(self) -> Iterator[Read]:
        """What is read through the pointers that are followed, at an offset that stays."""
        for at, registers in sorted(self.seen.items()):
            this = decode(self.code, at)
            source, size = registers.get(BPF_REG_3), registers.get(BPF_REG_2)
            if self._reads_memory(this, at) and isinstance(source, Pointer):
                yield Read(at, source, size.value if isinstance(size, Number) else 0, direct=False)
            pointer = self._loads_through(this, registers, at)
            if pointer is not None:
                yield Read(at, pointer, SIZES[this.code], direct=True)

    def _loads_through(self, this: Instruction, registers: Registers, at: int) -> Pointer | None:
        """The address in the kernel that a load reads from, where it is not moved."""
        base = registers.get(this.src)
        if this.code not in SIZES or at in self.filled or not isinstance(base, Pointer):
            return None
        return replace(base, offset=base.offset + this.off, added=at) if base.origin.typed else None

    def calls(self) -> Iterator[tuple[int, tuple[Pointer | None, ...]]]:
        """Where a function of the object is called, and with which of the pointers."""
        for at, registers in self.seen.items():
            this = decode(self.code, at)
            if this.code == JMP_CALL and (this.src == BPF_PSEUDO_CALL or at in self.filled):
                given = (registers.get(each) for each in ARGUMENTS)
                yield at, tuple(each if isinstance(each, Pointer) else None for each in given)

    def _reads_memory(self, this: Instruction, at: int) -> bool:
        helper = this.code == JMP_CALL and not this.src and at not in self.filled
        return helper and this.imm in READING

    def _taken(self, this: Instruction, registers: Registers) -> bool | None:
        """Where it goes by what the loader fills in, the way of this walk."""
        taken = super()._taken(this, registers)
        by = (registers.get(this.dst), registers.get(this.src) if this.by_register else None)
        guarded = taken is None and any(isinstance(each, Address) for each in by)
        return self.guard if guarded else taken

    def _both(self, one: Value | None, other: Value | None) -> Value | None:
        return one if one == other else None

    def _change(self, this: Instruction, registers: Registers, at: int) -> None:
        if this.code in CALLS:
            self._call(this, registers, at)
        elif this.insn_class in (BPF_ST, BPF_STX):
            self._store(this, registers, at)
        else:
            value = self._followed(this, registers, at)
            super()._change(this, registers, at)
            if value is not None:
                registers[this.dst] = value

    def _call(self, this: Instruction, registers: Registers, at: int) -> None:
        """A helper may write to what it is given the address of, a function to all."""
        looked_in = registers.get(BPF_REG_1)
        read = self._read_to_stack(registers, at) if self._reads_memory(this, at) else None
        helper = 0 if this.src or at in self.filled or this.code != JMP_CALL else this.imm
        self._written(registers, helper)
        for number in LEFT_BY_A_CALL:
            registers.pop(number, None)
        if helper in (TASK, TYPED_TASK):
            registers[BPF_REG_0] = Pointer(Origin("task_struct", typed=helper == TYPED_TASK))
        if helper == LOOKUP and isinstance(looked_in, MapPlace):
            registers[BPF_REG_0] = replace(looked_in, value=True)
        if read is not None:
            registers[read[0]] = read[1]

    def _written(self, registers: Registers, helper: int) -> None:
        size = registers.get(BPF_REG_2)
        known = helper in READING and isinstance(size, Number)
        for each in [registers.get(number) for number in ARGUMENTS]:
            if isinstance(each, Frame) and helper not in ONLY_READING:
                most = size.value if known and isinstance(size, Number) else STACK
                _forget(registers, each.offset if helper else -STACK, most)

    def _read_to_stack(self, registers: Registers, at: int) -> tuple[int, Pointer] | None:
        """A place of the stack, and the pointer that is then there."""
        to, size, source = (registers.get(each) for each in (BPF_REG_1, BPF_REG_2, BPF_REG_3))
        whole = isinstance(to, Frame) and isinstance(size, Number) and size.value == 8
        found = self._behind(source, at) if whole else None
        return (to.offset, found) if isinstance(to, Frame) and found else None

    def _behind(self, source: Value | None, at: int, *, typed: bool = False) -> Pointer | None:
        """The pointer that lies where another one points to."""
        if isinstance(source, Moved) and source.address:
            return Pointer(Origin(source.struct, members=(source.member,), typed=typed))
        if not isinstance(source, Pointer) or len(source.origin.members) >= MOST_STEPS:
            return None
        members = (*source.origin.members, self.names.member(at, source))
        return Pointer(replace(source.origin, members=members, typed=typed))

    def _store(self, this: Instruction, registers: Registers, at: int) -> None:
        target, value = registers.get(this.dst), registers.get(this.src)
        super()._change(this, registers, at)
        if not isinstance(target, Frame):
            return
        place, size = target.offset + this.off, BYTES[this.size]
        _forget(registers, place, size)
        spilled = this.insn_class == BPF_STX and this.mode == BPF_MEM and size == 8
        if spilled and value is not None and -STACK <= place < 0:
            registers[place] = value

    def _followed(self, this: Instruction, registers: Registers, at: int) -> Value | None:
        """What `dst` holds then, where it is a pointer that is followed, or leads to one."""
        target, source = registers.get(this.dst), registers.get(this.src)
        if this.insn_class == BPF_LDX:
            return self._loaded_from(this, source, registers, at)
        if at in self.filled:
            known = self.names.maps.get(at) if this.code == LD_IMM_DW else None
            return MapPlace(known) if known else self.names.moved.get(at)
        if this.code == ALU64_MOV_X and not this.off:
            return source
        if this.code == ADDING:
            return self._added(target, Number(this.imm & ALL, filled=False), at)
        adding = this.code == ADDING_REGISTER
        return (
            (self._added(target, source, at) or self._added(source, target, at)) if adding else None
        )

    def _added(self, base: Value | None, number: Value | None, at: int) -> Value | None:
        if isinstance(number, Moved) and not isinstance(base, Frame):
            return replace(number, address=True) if not number.address else None
        if not isinstance(number, Number):
            return None
        value = number.value - (1 << 64) if number.value >> 63 else number.value
        if isinstance(base, Pointer):
            return replace(base, offset=base.offset + value, added=at)
        if isinstance(base, Frame | ContextPointer | MapPlace):
            return replace(base, offset=base.offset + value)
        return None

    def _loaded_from(
        self, this: Instruction, base: Value | None, registers: Registers, at: int
    ) -> Value | None:
        if isinstance(base, Address):
            return base if base.value is None else None
        if this.code != LDX_MEM[BPF_DW]:
            return None
        if isinstance(base, Frame):
            return registers.get(base.offset + this.off)
        if isinstance(base, ContextPointer) and self.entry.context:
            origin = self.entry.context(base.offset + this.off)
            return Pointer(origin) if origin else None
        if isinstance(base, MapPlace):
            origin = self.names.kept(base.name, base.offset + this.off) if base.value else None
            return Pointer(origin) if origin else None
        moved = self.names.moved.get(at)
        loaded = replace(moved, address=True) if moved else self._loads_through(this, registers, at)
        return self._behind(loaded, at, typed=True) if loaded else None


def _forget(registers: Registers, place: int, size: int) -> None:
    """Forget what lies on the stack from a place on; a helper may write up to its beginning."""
    for each in [each for each in registers if each < 0 and place - 8 < each < place + size]:
        del registers[each]
