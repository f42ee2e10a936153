"""Instructions that not every kernel knows: what of each tells it from the older ones."""

from __future__ import annotations

from typing import NamedTuple

from bpfdoctor.host.elf.instructions import (
    ATOMICS,
    COMPUTING,
    COMPUTING64,
    COPY,
    COPY32,
    JUMP,
    JUMP32,
    LOAD_IMMEDIATE,
    LOADING,
    SPECIAL,
    STORING,
    Instruction,
)

MEMORY, MODE = 0x60, 0xE0
"""BPF_MEM among the modes of loads and stores, which the upper three bits of an opcode are."""

PACKET = (0x20, 0x28, 0x30, 0x40, 0x48, 0x50)
SWAPS = (0xD4, 0xDC, 0xD7)
ARENA = 1
"""The offset of a copy that makes an address of an arena's: it needs one to be tried."""

MOST_JUMPS = 0xDE
"""The last jump that all kernels since 5.1 know; 32 bits wide but for 0x06, 0x86 and 0x96."""


class InsnForm(NamedTuple):
    """An opcode, with what of offset and number changes its meaning."""

    operation: int
    offset: int = 0
    number: int = 0


def newer_form(this: Instruction) -> InsnForm | None:
    """How an instruction is told from those of Linux 5.2; None for one of these."""
    operation, kind = this.operation, this.kind
    if kind in (COMPUTING, COMPUTING64):
        return _computing(this)
    if kind in (JUMP, JUMP32):
        known = operation <= MOST_JUMPS and operation not in (0x06, 0x86, 0x8D, 0x8E, 0x96, 0x9E)
        return None if known or operation == 0x8D else InsnForm(operation)
    if kind == SPECIAL:
        return None if operation in (LOAD_IMMEDIATE, *PACKET) else InsnForm(operation)
    if operation & MODE == MEMORY and kind in (LOADING, *STORING):
        return None
    plain = operation in ATOMICS and this.number == 0
    return None if plain else InsnForm(operation, number=this.number)


def _computing(this: Instruction) -> InsnForm | None:
    if this.operation in SWAPS:
        return InsnForm(this.operation, number=this.number) if this.operation == SWAPS[-1] else None
    if this.operation >= SWAPS[0]:
        return InsnForm(this.operation)
    arena = this.operation in (COPY, COPY32) and this.offset == ARENA
    return InsnForm(this.operation, this.offset) if this.offset and not arena else None
