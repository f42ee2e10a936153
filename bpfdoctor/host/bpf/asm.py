"""The instructions of BPF, by the kernel's own names (linux/bpf_common.h and linux/bpf.h).

`bpfdoctor.host.bpf.macros` writes programs of them, `bpfdoctor.host.elf` reads those of objects.
"""

from __future__ import annotations

import struct
import sys
from typing import Literal

import msgspec

Order = Literal["little", "big"]

BPF_LD, BPF_LDX, BPF_ST, BPF_STX, BPF_ALU, BPF_JMP, BPF_JMP32, BPF_ALU64 = range(8)
"""Classes: the lowest three bits of an opcode."""

BPF_W, BPF_H, BPF_B, BPF_DW = 0x00, 0x08, 0x10, 0x18
"""Sizes of loads and stores: 4, 2, 1 and 8 bytes."""

BPF_IMM, BPF_ABS, BPF_IND, BPF_MEM, BPF_MEMSX, BPF_ATOMIC = 0x00, 0x20, 0x40, 0x60, 0x80, 0xC0
"""Modes of loads and stores."""

BPF_K, BPF_X = 0x00, 0x08
"""The second operand of arithmetic and jumps: `imm`, or the register `src`."""

BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND = 0x00, 0x10, 0x20, 0x30, 0x40, 0x50
BPF_LSH, BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR = 0x60, 0x70, 0x80, 0x90, 0xA0
BPF_MOV, BPF_ARSH, BPF_END = 0xB0, 0xC0, 0xD0
BPF_TO_LE, BPF_TO_BE = 0x00, 0x08
"""Operations of arithmetic; the last two are the sources of BPF_END."""

BPF_JA, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE = 0x00, 0x10, 0x20, 0x30, 0x40, 0x50
BPF_JSGT, BPF_JSGE, BPF_CALL, BPF_EXIT = 0x60, 0x70, 0x80, 0x90
BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE, BPF_JCOND = 0xA0, 0xB0, 0xC0, 0xD0, 0xE0
"""Operations of jumps."""

BPF_FETCH, BPF_XCHG, BPF_CMPXCHG, BPF_LOAD_ACQ, BPF_STORE_REL = 0x01, 0xE1, 0xF1, 0x100, 0x110
"""What `imm` says of an atomic operation, beside BPF_ADD, BPF_OR, BPF_AND and BPF_XOR."""

BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE = 1, 2
"""What `src` says of LD_IMM_DW: `imm` is a map's descriptor, for the map or for its value."""

BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL = 1, 2
"""What `src` says of JMP_CALL: a function of the program, or of the kernel. 0: a helper."""

(
    BPF_REG_0, BPF_REG_1, BPF_REG_2, BPF_REG_3, BPF_REG_4, BPF_REG_5,
    BPF_REG_6, BPF_REG_7, BPF_REG_8, BPF_REG_9, BPF_REG_10,
) = range(11)  # fmt: skip
"""Registers: what is returned, five arguments, four that a call keeps, and the stack's end."""

LD_IMM_DW = BPF_LD | BPF_IMM | BPF_DW
LDX_MEM = {size: BPF_LDX | BPF_MEM | size for size in (BPF_W, BPF_H, BPF_B, BPF_DW)}
STX_ATOMIC_W, STX_ATOMIC_DW = BPF_STX | BPF_ATOMIC | BPF_W, BPF_STX | BPF_ATOMIC | BPF_DW
ALU_MOV_K, ALU_MOV_X = BPF_ALU | BPF_MOV | BPF_K, BPF_ALU | BPF_MOV | BPF_X
ALU64_MOV_K, ALU64_MOV_X = BPF_ALU64 | BPF_MOV | BPF_K, BPF_ALU64 | BPF_MOV | BPF_X
JMP_JA, JMP32_JA = BPF_JMP | BPF_JA, BPF_JMP32 | BPF_JA
JMP_CALL, JMP_CALL_X, JMP_EXIT = BPF_JMP | BPF_CALL, BPF_JMP | BPF_CALL | BPF_X, BPF_JMP | BPF_EXIT
"""Whole opcodes, as kernel/bpf/core.c names them; LD_IMM_DW takes the place of two."""

BYTES = {BPF_W: 4, BPF_H: 2, BPF_B: 1, BPF_DW: 8}
"""How many bytes a size stands for."""

STEP = 8
"""Bytes of an instruction."""

_LAYOUTS = {"little": struct.Struct("<BBhi"), "big": struct.Struct(">BBhi")}
"""struct bpf_insn: opcode, both registers, offset, number."""


class Instruction(msgspec.Struct, frozen=True, gc=False):
    """struct bpf_insn: an opcode, two registers, an offset and a number."""

    code: int
    dst: int = 0
    src: int = 0
    off: int = 0
    imm: int = 0

    @property
    def insn_class(self) -> int:
        """BPF_CLASS: what kind of instruction it is."""
        return self.code & 0x07

    @property
    def op(self) -> int:
        """BPF_OP: which arithmetic it does, or when it jumps."""
        return self.code & 0xF0

    @property
    def mode(self) -> int:
        """BPF_MODE: how a load or a store comes to its place."""
        return self.code & 0xE0

    @property
    def size(self) -> int:
        """BPF_SIZE: how much a load or a store moves."""
        return self.code & 0x18

    @property
    def by_register(self) -> bool:
        """BPF_SRC is BPF_X: the second operand is a register."""
        return bool(self.code & BPF_X)

    @property
    def jumps(self) -> bool:
        """It goes on elsewhere, perhaps."""
        jump = self.code & 0x07 in (BPF_JMP, BPF_JMP32)
        return jump and self.code not in (JMP_CALL, JMP_CALL_X, JMP_EXIT)

    def encode(self, order: Order = sys.byteorder) -> bytes:
        """As the kernel takes it; the registers are bit fields, which follow the byte order."""
        low, high = (self.dst, self.src) if order == "little" else (self.src, self.dst)
        return _LAYOUTS[order].pack(self.code, low | high << 4, self.off, self.imm)


def decode(code: bytes, at: int, order: Order = sys.byteorder) -> Instruction:
    """The instruction at a place of code."""
    opcode, both, off, imm = _LAYOUTS[order].unpack_from(code, at)
    if order == "little":
        return Instruction(opcode, both & 0xF, both >> 4, off, imm)
    return Instruction(opcode, both >> 4, both & 0xF, off, imm)
