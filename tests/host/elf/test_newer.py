"""Instructions that not every kernel knows are told from those that all do."""

from __future__ import annotations

import pytest

from bpfdoctor.host.bpf.call_probe import Calls
from bpfdoctor.host.bpf.instructions import TryInstructions
from bpfdoctor.host.elf.instructions import Instruction
from bpfdoctor.host.elf.newer import InsnForm, newer_form
from bpfdoctor.host.hosts import LiveHost


@pytest.mark.parametrize(
    "operation",
    [0x07, 0xBF, 0x0F, 0xD4, 0xDC, 0xC7, 0x18, 0x28, 0x30, 0x61, 0x79, 0x7A, 0x7B, 0xC3, 0xDB,
     0x05, 0x15, 0x16, 0xDD, 0xDE, 0x85, 0x95],
)  # fmt: skip
def test_what_every_kernel_knows_is_not_told(operation: int) -> None:
    assert newer_form(Instruction(operation, 1, 2, 0, 0)) is None


@pytest.mark.parametrize(
    ("this", "form"),
    [
        (Instruction(0xDB, 1, 2, 8, 1), InsnForm(0xDB, 0, 1)),  # fetch and add
        (Instruction(0xDB, 1, 2, 8, 0x100), InsnForm(0xDB, 0, 0x100)),  # load and acquire
        (Instruction(0x3F, 1, 2, 1, 0), InsnForm(0x3F, 1)),  # signed division
        (Instruction(0xBF, 1, 2, 8, 0), InsnForm(0xBF, 8)),  # a move that extends the sign
        (Instruction(0xBF, 1, 2, 1, 1), None),  # the address of an arena
        (Instruction(0xD7, 1, 0, 0, 32), InsnForm(0xD7, 0, 32)),  # a swap of bytes
        (Instruction(0x81, 1, 2, 4, 0), InsnForm(0x81)),  # a load that extends the sign
        (Instruction(0x06, 0, 0, 0, 4), InsnForm(0x06)),  # a far jump
        (Instruction(0xE5, 0, 0, 4, 0), InsnForm(0xE5)),  # may_goto
        (Instruction(0xFF, 0, 0, 0, 0), InsnForm(0xFF)),
    ],
)
def test_what_newer_kernels_brought_is_told_by_what_it_is(
    this: Instruction, form: InsnForm | None
) -> None:
    assert newer_form(this) == form


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_the_running_kernel_is_asked(live: LiveHost) -> None:
    plain, never = (0xDB, 0, 0), (0xFF, 0, 0)
    answer = live.ask(TryInstructions((plain, (0x79, 0, 0), (0x0F, 0, 0), (0x16, 0, 0), never)))
    assert isinstance(answer, Calls), answer
    assert answer.plain.worked
    assert [each.what for each in answer.refused] == ["opcode 0xff"]


def test_the_question_is_told_in_words() -> None:
    said = TryInstructions(((0xDB, 0, 1), (0x3F, 1, 0))).source()
    assert "opcode 0xdb, number 0x1 or opcode 0x3f, offset 1; exit" in said
