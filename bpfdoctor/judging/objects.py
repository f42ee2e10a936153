"""The compiled object that is judged in place of a source tree.

What reads ELF is imported where there is an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.contract import Context, unknown
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs
from bpfdoctor.host.question import evidence
from bpfdoctor.model import ByHand, Evidence, Finding

if TYPE_CHECKING:
    from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram


def object_of(context: Context) -> tuple[BpfObject | None, list[Evidence]]:
    """The compiled object that is judged in place of a source tree, and what was asked of it."""
    if not context.project.object:
        return None, []
    from bpfdoctor.host.elf.ask_object import AskBpfObject
    from bpfdoctor.host.elf.bpf_object import BpfObject

    question = AskBpfObject(context.project.object)
    answer = context.ask(question)
    return (answer if isinstance(answer, BpfObject) else None), [evidence(question, answer)]


def not_compared(what: str, about: str, seen: list[Evidence]) -> Finding:
    """The finding on `what` of an object that was read where the judged kernel is not."""
    summary = f"{what}: not compared with that kernel's BTF, which a snapshot does not hold"
    there = ByHand("on that machine: bpfdoctor check --object FILE --record THERE.snapshot")
    return unknown(summary, about=about, seen=seen, fixes=[there])


def like(found: BpfObject, program: ObjectProgram) -> ProgramAttrs:
    """What the kernel is told of a program of an object beside its code."""
    from bpfdoctor.host.elf.bpf_object import loaded_for

    return ProgramAttrs(
        program.type, program.attach, program.flags, found.license, loaded_for(program)
    )
