"""The instructions of a compiled BPF object: does the running kernel know them?"""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Finding
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, objects

OLDER = ByHand("Compile it with clang -mcpu=v2, or boot a newer kernel.")


@check("object.instructions", title="instructions")
def object_instructions(context: Context) -> Iterator[Finding]:
    """Whether the running kernel knows each instruction of each program.

    Newer compilers make by default what older kernels refuse: atomic operations that fetch
    (`-mcpu=v3`, Linux 5.12), and with `-mcpu=v4` sign extension, signed division, byte swaps and
    far jumps (Linux 6.6). What is not known since Linux 5.2 is tried, each instruction in a program
    of its own that is loaded for a moment.
    """
    for each in objects.programs_of(context):
        yield _judged(context, each)


def _judged(context: Context, each: objects.SeenProgram) -> Finding:
    program, about, seen = each.program, each.about, each.of.seen
    if not program.newer:
        return passed("none that Linux 5.2 has not", about=about, seen=seen)
    question = objects.TryInstructions(program.newer)
    answer = context.ask(question)
    seen = [*seen, evidence(question, answer)]
    if not isinstance(answer, objects.Calls):
        return unknown(f"not tried: {answer.shown()}", about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if not answer.plain.worked:
        by = ["runtime.privileges", "kernel.program-types[socket_filter]"]
        return blocked("no program was loaded", by=by, about=about)
    refused = "; ".join(f"{each.what}: {each.why}" for each in answer.refused)
    if refused and program.conditional:
        summary = f"{refused}, unless it is never reached"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ALL])
    if refused:
        return failed(refused, about=about, seen=seen, fixes=[OLDER])
    return passed(f"{len(program.newer)} newer ones, all known", about=about, seen=seen)
