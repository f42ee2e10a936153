"""What the programs of a compiled BPF object read of their context, and what they return."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import (
    ASK_AS_ROOT,
    LOADABLE,
    MAP_TYPES,
    RETURNING,
    AskIdentity,
    BpfObject,
    ByHand,
    Calls,
    Context,
    Evidence,
    Finding,
    Identity,
    ObjectProgram,
    TryContext,
    blocked,
    check,
    evidence,
    failed,
    is_root,
    like,
    loaded_for,
    map_trial,
    object_of,
    passed,
    unknown,
    word,
)

ARENA = MAP_TYPES["arena"].number
"""A program may use one only where its loader says at which address."""

TRY = ByHand("Load it: bpftool prog loadall FILE.bpf.o /sys/fs/bpf/try")


@check("object.context", title="what it is given, and returns", requires=("object.file",))
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
    found, seen = object_of(context)
    for program in found.programs if found else ():
        if found:
            yield _judged(context, found, program, seen)


def _judged(
    context: Context, found: BpfObject, program: ObjectProgram, seen: list[Evidence]
) -> Finding:
    use, about, target = program.context, program.name, loaded_for(program)
    used = [map_trial(each) for each in found.maps if each.name in program.maps]
    maps = tuple(each for each in used if each and each.number != ARENA)
    if not (use.reads or use.returns or use.returned or maps):
        return passed("nothing of it can be followed", about=about, seen=seen)
    if program.type not in LOADABLE and not target:
        return passed("no program of its kind is tried", about=about, seen=seen)
    question = TryContext(
        like(found, program),
        reads=use.reads,
        returns=use.returns,
        returned=use.returned,
        through=use.through if target else (),
        maps=maps,
    )
    answer = context.ask(question)
    seen = [*seen, evidence(question, answer)]
    if not isinstance(answer, Calls):
        return unknown(f"not tried: {answer.shown()}", about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if not answer.plain.worked:
        summary = "no program of its kind was loaded"
        return blocked(summary, by=[f"object.helpers[{about}]"], about=about)
    return _told(context, program, answer, seen)


def _told(context: Context, program: ObjectProgram, answer: Calls, seen: list[Evidence]) -> Finding:
    use, about, identity = program.context, program.name, context.ask(AskIdentity())
    if not answer.refused:
        ends = len(use.returns) + len(use.returned)
        summary = f"{len(use.reads)} reads of its context, {ends} values returned, all allowed"
        summary += f"; {len(program.maps)} maps" if program.maps else ""
        return passed(summary, about=about, seen=seen)
    summary = "; ".join(f"{each.what}: {each.why}" for each in answer.refused)
    if not (isinstance(identity, Identity) and is_root(identity)):
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if program.conditional or not _sure(program, answer):
        summary += ", unless the program never comes there"
        return unknown(summary, about=about, seen=seen, fixes=[TRY])
    given = use.returned or not all(each.what.startswith(RETURNING) for each in answer.refused)
    fix = "Write it for the parameters that there are here." if given else "Return another value."
    return failed(summary, about=about, seen=seen, fixes=[ByHand(fix)])


def _sure(program: ObjectProgram, answer: Calls) -> bool:
    """A value is refused for sure where the program returns no other.

    It may see that another way is never gone, by what the kernel's helpers return; and before
    Linux 6.8 (commit c871d0e00f0e) the verifier took two ways for one that differ in nothing else.
    It looks at what LSM programs return since that was mended: there, a word of the context of
    which nothing more is known is one too many.
    """
    use = program.context
    ends = {each.what for each in answer.refused if each.what.startswith(RETURNING)}
    every = len(use.returns) + len(use.returned)
    unweighed = {RETURNING + word(each) for each in use.returned if each not in use.weighed}
    alone = len(ends) == every and not use.others
    return (
        len(ends) < len(answer.refused)
        or alone
        or (program.kind == "lsm" and bool(ends & unweighed))
    )
