"""Which instructions of a function can be reached, where the loader fills in constants.

The verifier never looks at what it sees is not reached: a program may ask (`bpf_core_field_exists`)
and have code for either answer. Only constants in registers are followed, which the verifier does
too: what is not reached here, it does not reach.
"""

from __future__ import annotations

import operator
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

STEP = 8
JUMP, JUMP32 = 5, 6
"""Classes of instructions: the lowest three bits of the opcode (linux/bpf_common.h)."""
LOAD_IMMEDIATE, LOADS, ATOMICS, STORES = 0x18, (0x61, 0x69, 0x71, 0x79), (0xC3, 0xDB), (2, 3)
MOVE, MOVE32, COPY, COPY32 = 0xB7, 0xB4, 0xBF, 0xBC
GO, GO_FAR, CALLS, EXIT = 0x05, 0x06, (0x85, 0x8D), 0x95
LEFT_BY_A_CALL = (0, 1, 2, 3, 4, 5)
"""Registers that hold something else after a call; loads from packets (class 0) are as one."""

ALL = (1 << 64) - 1
_COMPUTED: Mapping[int, Callable[[int, int], int]] = {
    0x57: operator.and_,
    0x67: lambda value, by: value << (by & 63),
    0x77: lambda value, by: value >> (by & 63),
    0xC7: lambda value, by: _signed(value, 64) >> (by & 63),
}
_COMPARED: Mapping[int, Callable[[int, int], object]] = {
    0x10: operator.eq,
    0x20: operator.gt,
    0x30: operator.ge,
    0x40: operator.and_,
    0x50: operator.ne,
    0xA0: operator.lt,
    0xB0: operator.le,
}
_COMPARED_SIGNED: Mapping[int, Callable[[int, int], object]] = {
    0x60: operator.gt,
    0x70: operator.ge,
    0xC0: operator.lt,
    0xD0: operator.le,
}


class Option(NamedTuple):
    """The address of an option, and the value that is read there."""

    value: int | None


Value = int | Option
"""What a register is known to hold: a number of 64 bits, or such an address."""

Filled = Mapping[int, "Value | None"]
"""What the loader fills in, by place: what it loads into a register; None where that is unknown."""

Registers = dict[int, "Value"]


def reached(code: bytes, start: int, end: int, filled: Filled, steps: int) -> set[int] | None:
    """The places of the instructions between `start` and `end` that can be reached from `start`.

    None where that is not known after so many steps.
    """
    seen: dict[int, Registers] = {start: {}}
    left = [start]
    while left and steps:
        steps -= 1
        at = left.pop()
        registers = dict(seen[at])
        following = [place for place in _step(code, at, registers, filled) if start <= place < end]
        left += [place for place in following if _learn(seen, place, registers)]
    return None if left else set(seen)


def _learn(seen: dict[int, Registers], place: int, registers: Registers) -> bool:
    """Note what is known where a place is reached; whether that is new there."""
    known = seen.get(place)
    if known is None:
        seen[place] = dict(registers)
        return True
    common = {each: value for each, value in known.items() if registers.get(each) == value}
    seen[place] = common
    return len(common) < len(known)


class _Instruction(NamedTuple):
    operation: int
    target: int
    source: int
    offset: int
    number: int


def _read(code: bytes, at: int) -> _Instruction:
    operation, both, offset, number = struct.unpack_from("=BBhi", code, at)
    low, high = both & 0xF, both >> 4
    target, source = (low, high) if sys.byteorder == "little" else (high, low)
    return _Instruction(operation, target, source, offset, number)


def _step(code: bytes, at: int, registers: Registers, filled: Filled) -> Iterator[int]:
    """Do one instruction to the registers, and say where it can go on."""
    this = _read(code, at)
    operation = this.operation
    if operation in (GO, GO_FAR):
        yield at + STEP * (1 + (this.offset if operation == GO else this.number))
    elif operation & 7 in (JUMP, JUMP32) and operation not in (*CALLS, EXIT):
        taken = _taken(this, registers)
        if taken is not False:
            yield at + STEP * (1 + this.offset)
        if taken is not True:
            yield at + STEP
    elif operation != EXIT:
        _change(this, registers, at, filled, code)
        yield at + STEP * (2 if operation == LOAD_IMMEDIATE else 1)


def _taken(this: _Instruction, registers: Registers) -> bool | None:
    """Whether a jump is taken; None for one of which that is not known."""
    left = registers.get(this.target)
    right = registers.get(this.source) if this.operation & 8 else this.number & ALL
    if not isinstance(left, int) or not isinstance(right, int):
        return None
    bits, kind = 64 if this.operation & 7 == JUMP else 32, this.operation & 0xF0
    left, right = left & ((1 << bits) - 1), right & ((1 << bits) - 1)
    if kind in _COMPARED_SIGNED:
        return bool(_COMPARED_SIGNED[kind](_signed(left, bits), _signed(right, bits)))
    return bool(_COMPARED[kind](left, right)) if kind in _COMPARED else None


def _change(this: _Instruction, registers: Registers, at: int, filled: Filled, code: bytes) -> None:
    """What the registers hold after an instruction that does not jump."""
    if this.operation & 7 in STORES and this.operation not in ATOMICS:
        return
    known = filled[at] if at in filled else _result(this, registers, code, at)
    for each in _overwritten(this):
        registers.pop(each, None)
    if known is not None:
        registers[this.target] = known


def _overwritten(this: _Instruction) -> tuple[int, ...]:
    from_packet = this.operation & 7 == 0 and this.operation != LOAD_IMMEDIATE
    if this.operation in CALLS or from_packet:
        return LEFT_BY_A_CALL
    return (0, this.source) if this.operation in ATOMICS else (this.target,)


def _result(this: _Instruction, registers: Registers, code: bytes, at: int) -> Value | None:
    """What the target of an instruction holds then, where it is known."""
    operation, other = this.operation, registers.get(this.source)
    if operation == LOAD_IMMEDIATE and at + 2 * STEP <= len(code):
        upper = _read(code, at + STEP).number
        return this.number & 0xFFFFFFFF | (upper & 0xFFFFFFFF) << 32
    if operation in (MOVE, MOVE32):
        return this.number & (ALL if operation == MOVE else 0xFFFFFFFF)
    if operation in _COMPUTED:
        before = registers.get(this.target)
        by = this.number & ALL
        return _COMPUTED[operation](before, by) & ALL if isinstance(before, int) else None
    return None if this.offset else _copied(operation, other)


def _copied(operation: int, other: Value | None) -> Value | None:
    if operation == COPY:
        return other
    if operation == COPY32 and isinstance(other, int):
        return other & 0xFFFFFFFF
    return other.value if operation in LOADS and isinstance(other, Option) else None


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value
