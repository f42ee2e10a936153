"""Instructions of BPF, as far as constants are followed through them (linux/bpf.h)."""

from __future__ import annotations

import operator
import struct
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

STEP = 8
"""Bytes of an instruction; LOAD_IMMEDIATE takes two."""

SPECIAL, LOADING, STORING, COMPUTING, JUMP, JUMP32, COMPUTING64 = 0, 1, (2, 3), 4, 5, 6, 7
"""Classes: the lowest three bits of the opcode. SPECIAL are LOAD_IMMEDIATE and loads of packets."""

LOAD_IMMEDIATE, LOADS, ATOMICS = 0x18, (0x61, 0x69, 0x71, 0x79), (0xC3, 0xDB)
MOVE, MOVE32, COPY, COPY32 = 0xB7, 0xB4, 0xBF, 0xBC
GO, GO_FAR, CALL, CALLS, EXIT = 0x05, 0x06, 0x85, (0x85, 0x8D), 0x95

LEFT_BY_A_CALL = (0, 1, 2, 3, 4, 5)
"""Registers that hold something else after a call; loads from packets are as one."""

ALL = (1 << 64) - 1


class Instruction(NamedTuple):
    """One instruction; `target` and `source` are registers."""

    operation: int
    target: int
    source: int
    offset: int
    number: int

    @property
    def kind(self) -> int:
        """Its class."""
        return self.operation & 7

    @property
    def jumps(self) -> bool:
        """It goes on elsewhere, perhaps."""
        return self.kind in (JUMP, JUMP32) and self.operation not in (*CALLS, EXIT)

    @property
    def by_register(self) -> bool:
        """Its second operand is a register."""
        return bool(self.operation & 8)


def read(code: bytes, at: int) -> Instruction:
    """The instruction at a place."""
    operation, both, offset, number = struct.unpack_from("=BBhi", code, at)
    low, high = both & 0xF, both >> 4
    target, source = (low, high) if sys.byteorder == "little" else (high, low)
    return Instruction(operation, target, source, offset, number)


def signed(value: int, bits: int) -> int:
    """A number of so many bits, as signed."""
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


_COMPUTED: Mapping[int, Callable[[int, int], int]] = {
    0x00: operator.add,
    0x10: operator.sub,
    0x40: operator.or_,
    0x50: operator.and_,
    0x60: lambda value, by: value << (by & 63),
    0x70: lambda value, by: value >> (by & 63),
    0xA0: operator.xor,
    0xC0: lambda value, by: signed(value, 64) >> (by & 63),
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


def computed(this: Instruction, before: int, other: int) -> int | None:
    """What the target holds after arithmetic on it; None for what is not followed."""
    compute = _COMPUTED.get(this.operation & 0xF0)
    followed = this.kind == COMPUTING64 or (this.kind == COMPUTING and this.operation & 0xF0 < 0x60)
    if compute is None or not followed or this.offset:
        return None
    return compute(before, other) & (ALL if this.kind == COMPUTING64 else 0xFFFFFFFF)


def compared(this: Instruction, left: int, right: int) -> bool | None:
    """Whether a jump is taken; None for one that is not known."""
    bits, kind = 64 if this.kind == JUMP else 32, this.operation & 0xF0
    left, right = left & ((1 << bits) - 1), right & ((1 << bits) - 1)
    if kind in _COMPARED_SIGNED:
        return bool(_COMPARED_SIGNED[kind](signed(left, bits), signed(right, bits)))
    return bool(_COMPARED[kind](left, right)) if kind in _COMPARED else None
