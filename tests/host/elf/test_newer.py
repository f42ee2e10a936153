"""Instructions that not every kernel knows are told from those that all do."""

from __future__ import annotations

import os

import pytest

from bpfdoctor.host.bpf import asm
from bpfdoctor.host.bpf.asm import Instruction
from bpfdoctor.host.bpf.call_probe import Calls
from bpfdoctor.host.bpf.instructions import TryInstructions
from bpfdoctor.host.elf.newer import InsnForm, newer_form
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.system.facts import kernel_version

ADD_DW, NEVER = asm.STX_ATOMIC_DW, 0xFF
DIV, SWAP = asm.BPF_ALU64 | asm.BPF_DIV | asm.BPF_X, asm.BPF_ALU64 | asm.BPF_END
SIGNED_LOAD = asm.BPF_LDX | asm.BPF_MEMSX | asm.BPF_W
MAY_GOTO, WIDE_EXIT = asm.BPF_JMP | asm.BPF_JCOND, asm.BPF_JMP32 | asm.BPF_EXIT


@pytest.mark.parametrize(
    "code",
    [
        asm.BPF_ALU64 | asm.BPF_ADD | asm.BPF_K,
        asm.ALU64_MOV_X,
        asm.BPF_ALU64 | asm.BPF_ADD | asm.BPF_X,
        asm.BPF_ALU | asm.BPF_END | asm.BPF_TO_LE,
        asm.BPF_ALU | asm.BPF_END | asm.BPF_TO_BE,
        asm.BPF_ALU64 | asm.BPF_ARSH | asm.BPF_K,
        asm.LD_IMM_DW,
        asm.BPF_LD | asm.BPF_ABS | asm.BPF_H,
        asm.BPF_LD | asm.BPF_IND | asm.BPF_B,
        asm.LDX_MEM[asm.BPF_W],
        asm.LDX_MEM[asm.BPF_DW],
        asm.BPF_ST | asm.BPF_MEM | asm.BPF_DW,
        asm.BPF_STX | asm.BPF_MEM | asm.BPF_DW,
        asm.STX_ATOMIC_W,
        asm.STX_ATOMIC_DW,
        asm.JMP_JA,
        asm.BPF_JMP | asm.BPF_JEQ | asm.BPF_K,
        asm.BPF_JMP32 | asm.BPF_JEQ | asm.BPF_K,
        asm.BPF_JMP | asm.BPF_JSLE | asm.BPF_X,
        asm.BPF_JMP32 | asm.BPF_JSLE | asm.BPF_X,
        asm.JMP_CALL,
        asm.JMP_CALL_X,
        asm.JMP_EXIT,
    ],
    ids=hex,
)
def test_what_every_kernel_knows_is_not_told(code: int) -> None:
    assert newer_form(Instruction(code, 1, 2, 0, 0)) is None


@pytest.mark.parametrize(
    ("this", "form"),
    [
        (Instruction(ADD_DW, 1, 2, 8, asm.BPF_FETCH), InsnForm(ADD_DW, 0, asm.BPF_FETCH)),
        (Instruction(ADD_DW, 1, 2, 8, asm.BPF_LOAD_ACQ), InsnForm(ADD_DW, 0, asm.BPF_LOAD_ACQ)),
        (Instruction(DIV, 1, 2, 1, 0), InsnForm(DIV, 1)),  # signed
        (Instruction(DIV, 1, 2, 0, 0), None),
        (Instruction(asm.ALU64_MOV_X, 1, 2, 8, 0), InsnForm(asm.ALU64_MOV_X, 8)),  # of a sign
        (Instruction(asm.ALU64_MOV_X, 1, 2, 1, 1), None),  # the address of an arena
        (Instruction(SWAP, 1, 0, 0, 32), InsnForm(SWAP, 0, 32)),
        (Instruction(SWAP | asm.BPF_X, 1, 0, 0, 0), InsnForm(SWAP | asm.BPF_X)),
        (Instruction(SIGNED_LOAD, 1, 2, 4, 0), InsnForm(SIGNED_LOAD)),
        (Instruction(asm.JMP32_JA, 0, 0, 0, 4), InsnForm(asm.JMP32_JA)),  # a far jump
        (Instruction(WIDE_EXIT, 0, 0, 0, 0), InsnForm(WIDE_EXIT)),
        (Instruction(MAY_GOTO, 0, 0, 4, 0), InsnForm(MAY_GOTO)),
        (Instruction(NEVER, 0, 0, 0, 0), InsnForm(NEVER)),
    ],
)
def test_what_newer_kernels_brought_is_told_by_what_it_is(
    this: Instruction, form: InsnForm | None
) -> None:
    assert newer_form(this) == form


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_the_running_kernel_is_asked(live: LiveHost) -> None:
    add, equal = asm.BPF_ALU64 | asm.BPF_ADD | asm.BPF_X, asm.BPF_JMP32 | asm.BPF_JEQ
    known = [ADD_DW, asm.LDX_MEM[asm.BPF_DW], add, equal]
    known += [asm.JMP32_JA] if kernel_version(os.uname().release) >= (6, 6) else []
    answer = live.ask(TryInstructions(tuple((each, 0, 0) for each in (*known, NEVER))))
    assert isinstance(answer, Calls), answer
    assert answer.plain.worked
    assert [each.what for each in answer.refused] == ["opcode 0xff"]


def test_the_question_is_told_in_words() -> None:
    said = TryInstructions(((ADD_DW, 0, asm.BPF_FETCH), (DIV, 1, 0))).source()
    assert "opcode 0xdb, number 0x1 or opcode 0x3f, offset 1; exit" in said
