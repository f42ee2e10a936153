"""Which instructions the kernel knows: each is tried in a program that does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.asm import (
    BPF_DW,
    BPF_JMP,
    BPF_JMP32,
    BPF_LDX,
    BPF_LOAD_ACQ,
    BPF_REG_0,
    BPF_REG_1,
    BPF_REG_10,
    BPF_STX,
    Instruction,
)
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.call_probe import Calls, Refused
from bpfdoctor.host.bpf.calls import Attempt, LoadError
from bpfdoctor.host.bpf.macros import RETURN_ZERO, assemble, mov64_imm, st_mem
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs, last_words
from bpfdoctor.host.question import NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SLOT = -8
"""Where on the stack the memory is that loads and stores are tried on."""

BEGINNING = assemble(
    st_mem(BPF_DW, BPF_REG_10, SLOT, 1),
    mov64_imm(BPF_REG_0, 1),
    mov64_imm(BPF_REG_1, 1),
)
"""That, and the registers that others are tried on, hold a number."""


class TryInstructions(Question[Calls], frozen=True):
    """Which of these instructions are refused? Each is an opcode, an offset and a number."""

    forms: tuple[tuple[int, int, int], ...]
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Calls | NoAnswer:
        return with_memory(Calls, self._try)

    def source(self) -> str:
        named = " or ".join(name_of(*each) for each in self.forms)
        return f"bpf(BPF_PROG_LOAD, socket_filter: {named}; exit)"

    def _try(self) -> Calls:
        like = ProgramAttrs("socket_filter")
        try:
            like.load(BEGINNING + RETURN_ZERO)
        except OSError as error:
            return Calls(Attempt.refused(Call.PROG_LOAD, error))
        refused = ((name_of(*each), _refusal(like, *each)) for each in self.forms)
        return Calls(Attempt(), tuple(Refused(name, why) for name, why in refused if why))


def name_of(code: int, off: int, imm: int) -> str:
    """An instruction in words: `opcode 0xdb, number 1`."""
    more = f", offset {off}" * bool(off) + f", number {imm:#x}" * bool(imm)
    return f"opcode {code:#04x}{more}"


def _refusal(like: ProgramAttrs, code: int, off: int, imm: int) -> str:
    try:
        like.load(BEGINNING + assemble(_placed(Instruction(code, off=off, imm=imm))) + RETURN_ZERO)
    except LoadError as error:
        return last_words(error.log) or str(error)
    return ""


def _placed(form: Instruction) -> Instruction:
    """With registers and the offset that it is sound with: jumps go to the next instruction."""
    loads = form.insn_class == BPF_STX and form.imm == BPF_LOAD_ACQ  # Linux 6.14
    if form.insn_class == BPF_LDX or loads:
        return Instruction(form.code, BPF_REG_1, BPF_REG_10, SLOT, form.imm)
    if form.insn_class == BPF_STX:
        return Instruction(form.code, BPF_REG_10, BPF_REG_1, SLOT, form.imm)
    if form.insn_class in (BPF_JMP, BPF_JMP32):
        return form
    return Instruction(form.code, BPF_REG_1, BPF_REG_0, form.off, form.imm)
