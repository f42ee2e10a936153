"""What arithmetic and comparisons of BPF come to, as far as they are followed."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from bpfdoctor.host.bpf.asm import (
    BPF_ADD,
    BPF_ALU,
    BPF_ALU64,
    BPF_AND,
    BPF_ARSH,
    BPF_JEQ,
    BPF_JGE,
    BPF_JGT,
    BPF_JLE,
    BPF_JLT,
    BPF_JMP,
    BPF_JNE,
    BPF_JSET,
    BPF_JSGE,
    BPF_JSGT,
    BPF_JSLE,
    BPF_JSLT,
    BPF_LSH,
    BPF_OR,
    BPF_RSH,
    BPF_SUB,
    BPF_XOR,
    Instruction,
)

ALL, LOWER = (1 << 64) - 1, (1 << 32) - 1
"""The bits of a register, and of its lower half."""


def signed(value: int, bits: int) -> int:
    """A number of so many bits, as signed."""
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


_COMPUTED: Mapping[int, Callable[[int, int], int]] = {
    BPF_ADD: operator.add,
    BPF_SUB: operator.sub,
    BPF_OR: operator.or_,
    BPF_AND: operator.and_,
    BPF_LSH: lambda value, by: value << (by & 63),
    BPF_RSH: lambda value, by: value >> (by & 63),
    BPF_XOR: operator.xor,
    BPF_ARSH: lambda value, by: signed(value, 64) >> (by & 63),
}
_COMPARED: Mapping[int, Callable[[int, int], object]] = {
    BPF_JEQ: operator.eq,
    BPF_JGT: operator.gt,
    BPF_JGE: operator.ge,
    BPF_JSET: operator.and_,
    BPF_JNE: operator.ne,
    BPF_JLT: operator.lt,
    BPF_JLE: operator.le,
}
_COMPARED_SIGNED: Mapping[int, Callable[[int, int], object]] = {
    BPF_JSGT: operator.gt,
    BPF_JSGE: operator.ge,
    BPF_JSLT: operator.lt,
    BPF_JSLE: operator.le,
}


def computed(this: Instruction, dst: int, other: int) -> int | None:
    """What `dst` holds after arithmetic on it; None for what is not followed."""
    whole, op = this.insn_class == BPF_ALU64, this.op
    compute = _COMPUTED.get(op)
    followed = whole or (this.insn_class == BPF_ALU and op < BPF_LSH)
    if compute is None or not followed or this.off:
        return None
    return compute(dst, other) & (ALL if whole else LOWER)


def compared(this: Instruction, dst: int, other: int) -> bool | None:
    """Whether a jump is taken; None for one that is not known."""
    bits, op = 64 if this.insn_class == BPF_JMP else 32, this.op
    dst, other = dst & ((1 << bits) - 1), other & ((1 << bits) - 1)
    if op in _COMPARED_SIGNED:
        return bool(_COMPARED_SIGNED[op](signed(dst, bits), signed(other, bits)))
    return bool(_COMPARED[op](dst, other)) if op in _COMPARED else None
