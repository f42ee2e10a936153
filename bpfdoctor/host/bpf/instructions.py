"""Which instructions the kernel knows: each is tried in a program that does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.call_probe import Calls, Refused
from bpfdoctor.host.bpf.calls import RETURN_ZERO, Attempt, LoadError, instruction
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs, last_words
from bpfdoctor.host.question import NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LOADS, STORES, STACK, SLOT = 1, 3, 10, -8
"""Classes of opcodes, and where the memory is that they are tried on."""

ACQUIRE = 0x100
"""BPF_LOAD_ACQ: it is of the class of stores, and loads (Linux 6.14)."""

BEGINNING = (
    instruction(0x7A, STACK, 0, SLOT, 1)  # *(u64 *)(r10 - 8) = 1
    + instruction(0xB7, 0, immediate=1)
    + instruction(0xB7, 1, immediate=1)
)


class TryInstructions(Question[Calls], frozen=True):
    """Which of these instructions are refused? Each is an opcode, an offset and a number."""

    forms: tuple[tuple[int, int, int], ...]
    privileged = True

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


def name_of(operation: int, offset: int, number: int) -> str:
    """An instruction in words: `opcode 0xdb, number 1`."""
    more = f", offset {offset}" * bool(offset) + f", number {number:#x}" * bool(number)
    return f"opcode {operation:#04x}{more}"


def _refusal(like: ProgramAttrs, operation: int, offset: int, number: int) -> str:
    kind, target, source = operation & 7, 1, 0
    if kind == LOADS or (kind == STORES and number == ACQUIRE):
        source, offset = STACK, SLOT
    elif kind == STORES:
        target, source, offset = STACK, 1, SLOT
    elif not operation & 8:
        source = 0
    try:
        code = instruction(operation, target * (kind not in JUMPS), source, offset, number)
        like.load(BEGINNING + code + RETURN_ZERO)
    except LoadError as error:
        return last_words(error.log) or str(error)
    return ""


JUMPS = (5, 6)
"""Classes of jumps, tried to the next instruction."""
