"""Instructions that not every kernel knows: what of each tells it from the older ones."""

from __future__ import annotations

from typing import NamedTuple

from bpfdoctor.host.bpf.asm import (
    ALU64_MOV_X,
    ALU_MOV_X,
    BPF_ABS,
    BPF_ALU,
    BPF_ALU64,
    BPF_B,
    BPF_CALL,
    BPF_END,
    BPF_EXIT,
    BPF_H,
    BPF_IND,
    BPF_JMP,
    BPF_JMP32,
    BPF_JSLE,
    BPF_K,
    BPF_LD,
    BPF_MEM,
    BPF_TO_BE,
    BPF_TO_LE,
    BPF_W,
    BPF_X,
    JMP32_JA,
    LD_IMM_DW,
    STX_ATOMIC_DW,
    STX_ATOMIC_W,
    Instruction,
)

PACKET = tuple(
    BPF_LD | mode | size for mode in (BPF_ABS, BPF_IND) for size in (BPF_W, BPF_H, BPF_B)
)
"""Loads from packets."""

TO_ORDER = (BPF_ALU | BPF_END | BPF_TO_LE, BPF_ALU | BPF_END | BPF_TO_BE)
SWAP = BPF_ALU64 | BPF_END
"""Swaps of bytes: to a byte order, and whatever it is (`bswap`)."""

NEVER_WIDE = (
    JMP32_JA,
    *(BPF_JMP32 | op | operand for op in (BPF_CALL, BPF_EXIT) for operand in (BPF_K, BPF_X)),
)
"""Of the jumps that all kernels since 5.1 know, those that there are not with 32 bits."""

ARENA = 1
"""The offset of a copy that makes an address of an arena's: it needs one to be tried."""


class InsnForm(NamedTuple):
    """An opcode, with what of offset and number changes its meaning."""

    code: int
    off: int = 0
    imm: int = 0


def newer_form(this: Instruction) -> InsnForm | None:
    """How an instruction is told from those of Linux 5.2; None for one of these."""
    code, insn_class = this.code, this.insn_class
    if insn_class in (BPF_ALU, BPF_ALU64):
        return _arithmetic(this)
    if insn_class in (BPF_JMP, BPF_JMP32):
        known = this.op <= BPF_JSLE and code not in NEVER_WIDE
        return None if known else InsnForm(code)
    if insn_class == BPF_LD:
        return None if code in (LD_IMM_DW, *PACKET) else InsnForm(code)
    plain = code in (STX_ATOMIC_W, STX_ATOMIC_DW) and this.imm == 0  # BPF_ADD, and no BPF_FETCH
    return None if plain or this.mode == BPF_MEM else InsnForm(code, imm=this.imm)


def _arithmetic(this: Instruction) -> InsnForm | None:
    if this.code in TO_ORDER:
        return None
    if this.code == SWAP:
        return InsnForm(this.code, imm=this.imm)
    if this.op >= BPF_END:
        return InsnForm(this.code)
    arena = this.code in (ALU64_MOV_X, ALU_MOV_X) and this.off == ARENA
    return InsnForm(this.code, this.off) if this.off and not arena else None
