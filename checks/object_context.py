"""What the programs of a compiled BPF object read of their context, and what they return."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Evidence, Finding
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, machine, objects, privilege

ARENA = bpf.MAP_TYPES["arena"].number
"""A program may use one only where its loader says at which address."""


@check("object.context", title="what it is given, and returns")
def object_context(context: Context) -> Iterator[Finding]:
    """Whether the running kernel lets each program read what it reads of its context, and return
    what it returns.

    The context is what the kernel gives a program: registers, a packet, the parameters of a
    function. A program that was written for more of them than there are is refused; so is one that
    returns what its kind may not. Since Linux 6.12 (commit 5d99e198be27) that holds for LSM
    programs too: one that was written for three parameters of a hook that now has four returns the
    fourth, which may be any number. A parameter that is read through must be a pointer, to
    something that has what is read. Some maps are not for every kind of program: those that sample
    events may use none that is not allocated beforehand before Linux 6.1.

    What can be followed of a program without running it is tried: a program of the same kind that
    does nothing but that is loaded for a moment.
    """
    for each in objects.programs_of(context):
        yield _judged(context, each)


def _judged(context: Context, each: objects.SeenProgram) -> Finding:
    found, program, about, seen = each.of.facts, each.program, each.about, each.of.seen
    use, target = program.context, objects.loaded_for(program)
    used = [objects.map_trial(each) for each in found.maps if each.name in program.maps]
    maps = tuple(each for each in used if each and each.number != ARENA)
    if not (use.reads or use.returns or use.returned or maps):
        return passed("nothing of it can be followed", about=about, seen=seen)
    if program.type not in bpf.LOADABLE and not target:
        return passed("no program of its kind is tried", about=about, seen=seen)
    question = objects.TryContext(
        objects.like(found, program),
        reads=use.reads,
        returns=use.returns,
        returned=use.returned,
        through=use.through if target and not found.alone else (),  # where, the kernel tells
        maps=maps,
    )
    answer = context.ask(question)
    seen = [*seen, evidence(question, answer)]
    if not isinstance(answer, objects.Calls):
        return unknown(f"not tried: {answer.shown()}", about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if not answer.plain.worked:
        summary = "no program of its kind was loaded"
        return blocked(summary, by=[f"object.helpers[{about}]"], about=about)
    if not answer.refused:
        return _allowed(each, seen)
    return _refused(context, each, question, answer, seen)


def _allowed(each: objects.SeenProgram, seen: list[Evidence]) -> Finding:
    program, use = each.program, each.program.context
    ends = len(use.returns) + len(use.returned)
    summary = f"{len(use.reads)} reads of its context, {ends} values returned, all allowed"
    summary += f"; {len(program.maps)} maps" if program.maps else ""
    return passed(summary, about=each.about, seen=seen)


def _refused(
    context: Context,
    each: objects.SeenProgram,
    question: objects.TryContext,
    answer: objects.Calls,
    seen: list[Evidence],
) -> Finding:
    program, about = each.program, each.about
    identity = context.ask(machine.AskIdentity())
    summary = "; ".join(f"{each.what}: {each.why}" for each in answer.refused)
    if not (isinstance(identity, machine.Identity) and privilege.is_root(identity)):
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    refused = {each.what for each in answer.refused}
    ends = refused & question.ends
    if program.conditional or not (refused > ends or _sure(program, ends)):
        summary += ", unless the program never comes there"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ALL])
    given = program.context.returned or refused > ends
    fix = "Write it for the parameters that there are here." if given else "Return another value."
    return failed(summary, about=about, seen=seen, fixes=[ByHand(fix)])


def _sure(program: objects.ObjectProgram, ends: set[str]) -> bool:
    """A value is refused for sure where the program returns no other than these.

    It may see that another way is never gone, by what the kernel's helpers return; and before
    Linux 6.8 (commit c871d0e00f0e) the verifier took two ways for one that differ in nothing else.
    It looks at what LSM programs return since that was mended: there, a word of the context of
    which nothing more is known is one too many.
    """
    use = program.context
    every = len(use.returns) + len(use.returned)
    unweighed = {
        objects.returning(objects.word(each)) for each in use.returned if each not in use.weighed
    }
    alone = len(ends) == every and not use.others
    return alone or (program.kind == "lsm" and bool(ends & unweighed))
