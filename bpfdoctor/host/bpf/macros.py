"""Programs written by hand: instructions as the macros of the kernel's linux/filter.h name them."""

from __future__ import annotations

from bpfdoctor.host.bpf.asm import (
    BPF_ALU64,
    BPF_ATOMIC,
    BPF_JMP,
    BPF_K,
    BPF_MEM,
    BPF_MOV,
    BPF_PSEUDO_MAP_FD,
    BPF_PSEUDO_MAP_VALUE,
    BPF_REG_0,
    BPF_ST,
    BPF_STX,
    BPF_X,
    JMP_CALL,
    JMP_EXIT,
    LD_IMM_DW,
    LDX_MEM,
    Instruction,
)


def assemble(*program: Instruction) -> bytes:
    """A program's code, as this machine's kernel takes it."""
    return b"".join(each.encode() for each in program)


def mov64_imm(dst: int, imm: int) -> Instruction:
    """`dst = imm`"""
    return alu64_imm(BPF_MOV, dst, imm)


def mov64_reg(dst: int, src: int) -> Instruction:
    """`dst = src`"""
    return Instruction(BPF_ALU64 | BPF_MOV | BPF_X, dst, src)


def alu64_imm(op: int, dst: int, imm: int) -> Instruction:
    """`dst op= imm`"""
    return Instruction(BPF_ALU64 | op | BPF_K, dst, imm=imm)


def ldx_mem(size: int, dst: int, src: int, off: int) -> Instruction:
    """`dst = *(size *)(src + off)`"""
    return Instruction(LDX_MEM[size], dst, src, off)


def st_mem(size: int, dst: int, off: int, imm: int) -> Instruction:
    """`*(size *)(dst + off) = imm`"""
    return Instruction(BPF_ST | BPF_MEM | size, dst, 0, off, imm)


def atomic_op(size: int, op: int, dst: int, src: int, off: int) -> Instruction:
    """`lock *(size *)(dst + off) op= src`"""
    return Instruction(BPF_STX | BPF_ATOMIC | size, dst, src, off, op)


def jmp_imm(op: int, dst: int, imm: int, off: int) -> Instruction:
    """`if dst op imm goto off`, so many instructions from the next."""
    return Instruction(BPF_JMP | op | BPF_K, dst, 0, off, imm)


def jmp_reg(op: int, dst: int, src: int, off: int) -> Instruction:
    """`if dst op src goto off`, so many instructions from the next."""
    return Instruction(BPF_JMP | op | BPF_X, dst, src, off)


def call(helper: int) -> Instruction:
    """`r0 = helper(r1, …)`, by its number."""
    return Instruction(JMP_CALL, imm=helper)


def exit_insn() -> Instruction:
    """`return r0`"""
    return Instruction(JMP_EXIT)


def ld_imm64(dst: int, value: int) -> tuple[Instruction, Instruction]:
    """`dst = value`, of 64 bits."""
    return _ld_imm64(dst, 0, value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF)


def ld_map_fd(dst: int, descriptor: int) -> tuple[Instruction, Instruction]:
    """`dst = map`, by a descriptor of it."""
    return _ld_imm64(dst, BPF_PSEUDO_MAP_FD, descriptor)


def ld_map_value(dst: int, descriptor: int, off: int) -> tuple[Instruction, Instruction]:
    """`dst = the value of map[0] + off`, by a descriptor of the map (Linux 5.2)."""
    return _ld_imm64(dst, BPF_PSEUDO_MAP_VALUE, descriptor, off)


def _ld_imm64(dst: int, src: int, low: int, high: int = 0) -> tuple[Instruction, Instruction]:
    first, second = (each - (each >> 31 << 32) for each in (low, high))
    return Instruction(LD_IMM_DW, dst, src, imm=first), Instruction(0, imm=second)


EXIT = assemble(exit_insn())

RETURN_ZERO = assemble(mov64_imm(BPF_REG_0, 0), exit_insn())
"""`r0 = 0; exit`."""

RETURN_ONE = assemble(mov64_imm(BPF_REG_0, 1), exit_insn())
"""`r0 = 1; exit`: what hangs on an event and returns 0 withholds it from all others' sampling."""
