"""Instructions of BPF, held against LLVM's assembler and compiler and the kernel's headers."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from loud import missing

from bpfdoctor.host.bpf import asm, macros
from bpfdoctor.host.bpf.asm import Instruction, Order, decode
from bpfdoctor.host.elf.image import Image

HEADERS = (Path("/usr/include/linux/bpf_common.h"), Path("/usr/include/linux/bpf.h"))
NEWER = {"BPF_MEMSX": 0x80, "BPF_JCOND": 0xE0, "BPF_LOAD_ACQ": 0x100, "BPF_STORE_REL": 0x110}
"""What a distribution's header may be too old for."""

TARGETS: list[tuple[Order, str]] = [("little", "bpfel"), ("big", "bpfeb")]

WRITTEN = [
    ("r1 = 5", macros.mov64_imm(1, 5)),
    ("r2 = r10", macros.mov64_reg(2, 10)),
    ("r2 += -4", macros.alu64_imm(asm.BPF_ADD, 2, -4)),
    ("r2 -= 3", macros.alu64_imm(asm.BPF_SUB, 2, 3)),
    ("r2 *= 3", macros.alu64_imm(asm.BPF_MUL, 2, 3)),
    ("r2 /= 3", macros.alu64_imm(asm.BPF_DIV, 2, 3)),
    ("r2 |= 3", macros.alu64_imm(asm.BPF_OR, 2, 3)),
    ("r2 &= 3", macros.alu64_imm(asm.BPF_AND, 2, 3)),
    ("r2 ^= 3", macros.alu64_imm(asm.BPF_XOR, 2, 3)),
    ("r7 <<= 32", macros.alu64_imm(asm.BPF_LSH, 7, 32)),
    ("r7 >>= 32", macros.alu64_imm(asm.BPF_RSH, 7, 32)),
    ("r7 s>>= 32", macros.alu64_imm(asm.BPF_ARSH, 7, 32)),
    ("r7 = -r7", macros.alu64_imm(asm.BPF_NEG, 7, 0)),
    ("w3 = 7", Instruction(asm.ALU_MOV_K, 3, imm=7)),
    ("w3 = w4", Instruction(asm.ALU_MOV_X, 3, 4)),
    ("r3 = be16 r3", Instruction(asm.BPF_ALU | asm.BPF_END | asm.BPF_TO_BE, 3, imm=16)),
    ("r3 = le64 r3", Instruction(asm.BPF_ALU | asm.BPF_END | asm.BPF_TO_LE, 3, imm=64)),
    ("r1 = *(u8 *)(r2 + 4)", macros.ldx_mem(asm.BPF_B, 1, 2, 4)),
    ("r1 = *(u16 *)(r2 + 4)", macros.ldx_mem(asm.BPF_H, 1, 2, 4)),
    ("r1 = *(u32 *)(r2 - 4)", macros.ldx_mem(asm.BPF_W, 1, 2, -4)),
    ("r1 = *(u64 *)(r2 + 32)", macros.ldx_mem(asm.BPF_DW, 1, 2, 32)),
    ("*(u64 *)(r10 - 8) = r3", Instruction(asm.BPF_STX | asm.BPF_MEM | asm.BPF_DW, 10, 3, -8)),
    ("lock *(u64 *)(r0 + 8) += r1", macros.atomic_op(asm.BPF_DW, asm.BPF_ADD, 0, 1, 8)),
    ("lock *(u32 *)(r0 + 8) += r1", macros.atomic_op(asm.BPF_W, asm.BPF_ADD, 0, 1, 8)),
    ("r0 = *(u8 *)skb[2]", Instruction(asm.BPF_LD | asm.BPF_ABS | asm.BPF_B, imm=2)),
    ("r0 = *(u16 *)skb[r3]", Instruction(asm.BPF_LD | asm.BPF_IND | asm.BPF_H, 0, 3)),
    ("goto +2", Instruction(asm.JMP_JA, off=2)),
    ("if r0 == 0 goto +4", macros.jmp_imm(asm.BPF_JEQ, 0, 0, 4)),
    ("if r1 != r7 goto +2", macros.jmp_reg(asm.BPF_JNE, 1, 7, 2)),
    ("if r1 > r7 goto -2", macros.jmp_reg(asm.BPF_JGT, 1, 7, -2)),
    ("if r1 >= 9 goto +0", macros.jmp_imm(asm.BPF_JGE, 1, 9, 0)),
    ("if r1 < 9 goto +0", macros.jmp_imm(asm.BPF_JLT, 1, 9, 0)),
    ("if r1 <= 9 goto +0", macros.jmp_imm(asm.BPF_JLE, 1, 9, 0)),
    ("if r1 s> 9 goto +0", macros.jmp_imm(asm.BPF_JSGT, 1, 9, 0)),
    ("if r1 s>= 9 goto +0", macros.jmp_imm(asm.BPF_JSGE, 1, 9, 0)),
    ("if r1 s< 9 goto +0", macros.jmp_imm(asm.BPF_JSLT, 1, 9, 0)),
    ("if r1 s<= 9 goto +0", macros.jmp_imm(asm.BPF_JSLE, 1, 9, 0)),
    ("if w1 == 9 goto +1", Instruction(asm.BPF_JMP32 | asm.BPF_JEQ, 1, 0, 1, 9)),
    ("call 14", macros.call(14)),
    ("exit", macros.exit_insn()),
]
"""Instructions in LLVM's words, and as we write them."""

LOOP = """
long f(long n, int *numbers, unsigned short *small) {
  long sum = 0x123456789abcdefL;
  for (long at = 0; at < n; at++) {
    sum += numbers[at] * n;
    if (small[at] > sum) sum ^= numbers[1] >> 3;
  }
  return sum / (unsigned long) n;
}
"""


def code_of(source: Path, target: str) -> bytes:
    """What clang makes of it: the section .text."""
    made = source.with_suffix(f".{target}.o")
    argv = ["clang", "-O2", "-mcpu=v3", "-target", target, "-c", str(source), "-o", str(made)]
    subprocess.run(argv, check=True)
    with made.open("rb") as file:
        return Image(file).named(".text")


@pytest.mark.parametrize(("order", "target"), TARGETS)
def test_an_instruction_is_what_llvm_makes_of_it(
    order: Order, target: str, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    source = tmp_path / "written.s"
    source.write_text("".join(f"{text}\n" for text, _ in WRITTEN))
    code = code_of(source, target)
    assert len(code) == len(WRITTEN) * asm.STEP
    for at, (text, ours) in enumerate(WRITTEN):
        theirs = code[at * asm.STEP : (at + 1) * asm.STEP]
        assert (ours.encode(order), decode(theirs, 0, order)) == (theirs, ours), text


@pytest.mark.parametrize(("order", "target"), TARGETS)
@pytest.mark.parametrize("value", [0, 1, 0x123456789ABCDEF, (1 << 64) - 1, 1 << 31])
def test_a_constant_of_64_bits_is_what_llvm_makes_of_it(
    order: Order, target: str, value: int, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    source = tmp_path / "wide.s"
    source.write_text(f"r6 = {value} ll\n")
    assert b"".join(each.encode(order) for each in macros.ld_imm64(6, value)) == code_of(
        source, target
    )


@pytest.mark.parametrize(("order", "target"), TARGETS)
def test_compiled_code_is_read_as_the_disassembler_reads_it(
    order: Order, target: str, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "llvm-objdump")
    source = tmp_path / "loop.c"
    source.write_text(LOOP)
    code = code_of(source, target)
    read = [decode(code, at, order) for at in range(0, len(code), asm.STEP)]
    assert b"".join(each.encode(order) for each in read) == code
    argv = ["llvm-objdump", "-d", "--no-show-raw-insn", str(source.with_suffix(f".{target}.o"))]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    lines = dict(re.findall(r"^\s+(\d+):\s+(.+?)\s*$", told, re.MULTILINE))
    for at, each in enumerate(read):
        if each.code:  # not the second half of a wide constant
            _hold(each, lines[str(at)])


def _hold(this: Instruction, text: str) -> None:
    """What the disassembler says of an instruction is so."""
    jump = re.search(r"goto ([+-]\d+)", text)
    assert this.jumps is bool(jump), text
    assert (this.code == asm.JMP_EXIT) is (text == "exit")
    if jump:
        assert this.off == int(jump[1])
    register = re.match(r"(?:if )?[rw](\d+) ", text)
    if register:
        assert this.dst == int(register[1])
    loaded = re.search(r"= \*\(u(\d+) \*\)\(r(\d+) ([+-] \d+)\)", text)
    assert (this.code in asm.LDX_MEM.values()) is bool(loaded), text
    if loaded:
        size, base, off = int(loaded[1]), int(loaded[2]), int(loaded[3].replace(" ", ""))
        assert (asm.BYTES[this.size] * 8, this.src, this.off) == (size, base, off)


INSTRUCTIONS = st.builds(
    Instruction,
    st.integers(0, 255),
    st.integers(0, 15),
    st.integers(0, 15),
    st.integers(-(1 << 15), (1 << 15) - 1),
    st.integers(-(1 << 31), (1 << 31) - 1),
)


@given(INSTRUCTIONS, st.sampled_from(["little", "big"]))
def test_what_is_encoded_is_decoded_to_the_same(this: Instruction, order: Order) -> None:
    assert decode(b"before.." + this.encode(order), 8, order) == this


def test_it_has_the_layout_of_the_kernels_struct() -> None:
    this = Instruction(asm.ALU64_MOV_X, 1, 2, -8, 7)
    assert this.encode("little") == struct.pack("<BBhi", this.code, 0x21, -8, 7)
    assert this.encode("big") == struct.pack(">BBhi", this.code, 0x12, -8, 7)


@pytest.mark.parametrize("code", range(256))
def test_the_parts_of_an_opcode_make_it_whole(code: int) -> None:
    this = Instruction(code)
    assert this.insn_class | this.size | this.mode == code
    assert this.insn_class | (asm.BPF_X if this.by_register else asm.BPF_K) | this.op == code


@pytest.mark.parametrize("code", [asm.JMP_CALL, asm.JMP_CALL_X, asm.JMP_EXIT, asm.ALU64_MOV_K])
def test_calls_exits_and_moves_are_no_jumps(code: int) -> None:
    assert not Instruction(code).jumps
    assert Instruction(asm.JMP_JA).jumps
    assert Instruction(asm.JMP32_JA).jumps


def test_a_map_is_named_in_the_first_of_two_instructions() -> None:
    first, second = macros.ld_map_fd(7, 3)
    assert first == Instruction(asm.LD_IMM_DW, 7, asm.BPF_PSEUDO_MAP_FD, 0, 3)
    assert second == Instruction(0)
    first, second = macros.ld_map_value(1, 3, 16)
    assert first == Instruction(asm.LD_IMM_DW, 1, asm.BPF_PSEUDO_MAP_VALUE, 0, 3)
    assert second == Instruction(0, imm=16)


def test_the_names_are_those_of_the_headers() -> None:
    absent = [str(path) for path in HEADERS if not path.exists()]
    if absent:
        missing(f"linux-libc-dev: {', '.join(absent)}")
    defined = _defined("".join(path.read_text() for path in HEADERS))
    ours = {name: number for name, number in vars(asm).items() if name.startswith("BPF_")}
    assert {name: defined.get(name, NEWER.get(name)) for name in ours} == ours


def _defined(text: str) -> dict[str, int]:
    """Macros that are a number, or one of the others and a number; and the registers."""
    lines = re.findall(
        r"^#define\s+(BPF_\w+)\s+\(?([^/(\n]*?)\)?\s*(?:/\*.*)?$", text, re.MULTILINE
    )
    registers = re.findall(r"^\t(BPF_REG_\d+)\b", text, re.MULTILINE)
    found = {name: number for number, name in enumerate(registers)}
    for name, value in lines:
        words = [found.get(word, word) for word in re.split(r"\s*\|\s*", value)]
        if all(isinstance(word, int) or re.fullmatch(r"0x[0-9a-f]+|\d+", word) for word in words):
            found[name] = sum(word if isinstance(word, int) else int(word, 0) for word in words)
    return found
