"""The compiled objects that are judged: those of a project's programs, or the one that was given.

What reads ELF is imported where there is an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from bpfdoctor.contract import Context, unknown
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs
from bpfdoctor.host.question import NOT_RECORDED, Host, NoAnswer, evidence
from bpfdoctor.model import ByHand, Evidence, Finding
from bpfdoctor.projects.judged import BpfPart, JudgedObject

if TYPE_CHECKING:
    from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram


class SeenObject(NamedTuple):
    """An object with its facts, and the evidence for them."""

    judged: JudgedObject
    facts: BpfObject
    seen: list[Evidence]

    def about(self, name: str) -> str:
        """What a finding on one of its BPF programs or maps is about."""
        return f"{self.judged.here}{name}"


class SeenProgram(NamedTuple):
    """A BPF program of an object that is judged, as its loader attaches it where that is known."""

    of: SeenObject
    program: ObjectProgram
    part: BpfPart
    about: str


def objects_of(context: Context) -> Iterator[SeenObject]:
    """The objects of which something is known, and of which libbpf reads all that they need."""
    for judged in context.project.judged:
        known = judged.facts or _asked_again(context, judged)
        if known is not None and not judged.lacks_btf:
            yield SeenObject(judged, known, evidence_of(judged))


def _asked_again(context: Context, judged: JudgedObject) -> BpfObject | None:
    """A check that runs in a process of its own is given the path alone."""
    read = read_object(context.host, judged.path) if judged.path else None
    return None if isinstance(read, NoAnswer) else read


def programs_of(context: Context) -> Iterator[SeenProgram]:
    """The BPF programs of these objects that their loaders may load."""
    from bpfdoctor.projects.needs import as_attached

    for found in objects_of(context):
        for program in found.facts.programs:
            part = found.judged.part(program.name)
            if part is not None and (part.needs or part.maybe):
                attached = as_attached(program, part.attach)
                yield SeenProgram(found, attached, part, found.about(program.name))


def evidence_of(judged: JudgedObject) -> list[Evidence]:
    """What was read of an object, and where."""
    if judged.facts is None:
        return []
    if not judged.path:
        return [Evidence(f"the facts {judged.said}", judged.facts.shown())]
    from bpfdoctor.host.elf.ask_object import ReadObject

    question = ReadObject(judged.path)
    return [evidence(question, judged.facts)]


def object_of(context: Context) -> tuple[BpfObject | None, list[Evidence]]:
    """The compiled object that was given in place of a source tree, and what was asked of it."""
    given = next((each for each in objects_of(context) if not each.judged.program), None)
    return (given.facts, given.seen) if given else (None, [])


def read_object(host: Host, path: str) -> BpfObject | NoAnswer:
    """The facts of an object, with what the judged kernel says to them.

    A kernel that was not asked has said nothing: the facts are then of the object alone.
    """
    from bpfdoctor.host.elf.ask_object import AskBpfObject, MatchBtf, ReadObject
    from bpfdoctor.host.elf.kernel_match import joined

    read = host.ask(ReadObject(path))
    if isinstance(read, NoAnswer):
        # former snapshots hold both halves in one
        whole = host.ask(AskBpfObject(path)) if read.reason == NOT_RECORDED else read
        return whole if not isinstance(whole, NoAnswer) else read
    matched = host.ask(MatchBtf(path))
    return read if isinstance(matched, NoAnswer) else joined(read, matched)


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
