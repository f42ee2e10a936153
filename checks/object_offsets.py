"""What the programs of a compiled BPF object read of the kernel at offsets that stay."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Evidence, Finding
from bpfdoctor.api import check, evidence, passed, unknown, warned
from bpfdoctor.api import objects

RELOCATE = ByHand(
    "Read it with BPF_CORE_READ, or give the struct __attribute__((preserve_access_index)); a"
    " vmlinux.h that bpftool wrote has that attribute."
)

MOST_TOLD, LONGEST = 3, 120
"""Reads that a summary tells, and characters of a line of the source."""


@check("object.fixed-offsets", title="fixed offsets", beside=("object.file",))
def object_fixed_offsets(context: Context) -> Iterator[Finding]:
    """Whether what each program reads of kernel memory at a fixed offset lies there on the running
    kernel.

    A program that reads a member of a kernel's struct without a CO-RE relocation reads where the
    member was in the struct that it was compiled with: a struct of its own, or one of a vmlinux.h
    without `preserve_access_index`. Such a program loads, attaches and fires, and where the kernel
    has the member elsewhere it delivers something else: `pid` of `struct task_struct` lies at 2416
    on Debian's Linux 6.1 and at 2432 on its 6.12. Right here is not right on another kernel.

    What can be followed in the code is told: the running task, parameters of what a program is
    attached to, and pointers that are read through these. What lies where is looked up in the
    kernel's BTF, the line of the source in the object. It says nothing of whether a program loads.
    """
    by_path: dict[str, list[objects.SeenProgram]] = {}
    for each in objects.programs_of(context):
        by_path.setdefault(each.of.judged.path, []).append(each)
    by_path.pop("", None)  # recorded facts: there is no code to look at
    for path, programs in by_path.items():
        yield from _of_object(context, path, programs)


def _of_object(
    context: Context, path: str, programs: list[objects.SeenProgram]
) -> Iterator[Finding]:
    question = objects.AskFixedReads(path)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, objects.FixedReads):
        for program in programs:
            yield unknown(f"not looked at: {answer.shown()}", about=program.about, seen=seen)
        return
    judged, asked = objects.judged_reads(context, answer.programs)
    for program in programs:
        reads = judged.get(program.program.name, [])
        yield _finding(program.about, reads, [*seen, *asked])


def _finding(about: str, judged: list[objects.JudgedRead], seen: list[Evidence]) -> Finding:
    wrong, untold, right = (
        [each for each in judged if each.verdict == verdict]
        for verdict in ("wrong", "unknown", "right")
    )
    if wrong:
        summary = f"wrong here: {_listed(wrong)}"
        return warned(summary, about=about, seen=seen, fixes=[RELOCATE])
    if untold:
        summary = f"not to be told: {_listed(untold)}"
        return unknown(summary, about=about, seen=seen, fixes=[RELOCATE])
    if right:
        summary = f"right on this kernel alone: {_listed(right)}"
        return warned(summary, about=about, seen=seen, fixes=[RELOCATE])
    return passed("none of a struct that the kernel may change", about=about, seen=seen)


def _listed(reads: list[objects.JudgedRead]) -> str:
    told = [_told(each) for each in reads[:MOST_TOLD]]
    more = len(reads) - len(told)
    return "; ".join([*told, f"and {more} more"] if more else told)


def _told(judged: objects.JudgedRead) -> str:
    read = judged.read
    member = judged.member or "something"
    what = f"{judged.struct}->{member}" if judged.struct and judged.member else member
    what += f" of {judged.struct}" if judged.struct and not judged.member else ""
    where = f" is read at {read.offset}"
    if judged.verdict == "wrong":
        where += f" and lies at {judged.place}"
    if judged.why:
        where += f", {judged.why}"
    text = " ".join(read.text.split())[:LONGEST]
    return f"{what}{where}" + (f" ({read.file}:{read.line}: {text})" if read.line else "")
