"""What the programs of a compiled BPF object call: does the running kernel let them?"""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import (
    ASK_AS_ROOT,
    ATTACH_TYPES,
    HELPERS,
    LOADABLE,
    AskIdentity,
    AskSecurityFile,
    Attempt,
    BpfObject,
    ByHand,
    Calls,
    Context,
    Evidence,
    FileText,
    Finding,
    Identity,
    LoadProgram,
    NoAnswer,
    ObjectProgram,
    Stage,
    Status,
    TryCalls,
    blocked,
    check,
    evidence,
    failed,
    is_root,
    lockdown_mode,
    object_of,
    of_the_kernel,
    passed,
    status_of,
    target_of,
    trial_of,
    unknown,
)

GPL = ("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL")
"""license_is_gpl_compatible of include/linux/license.h: what may call the helpers for GPL only."""

UNTRIED = tuple(HELPERS[name] for name in ("trace_printk", "trace_vprintk", "probe_write_user"))
"""Helpers of which loading a program alone leaves a mark: the kernel switches an event on, or logs
a warning. All are for programs under the GPL alone (kernel/trace/bpf_trace.c, Linux 4.1 on)."""

READING = tuple(
    HELPERS[name]
    for name in ("probe_read", "probe_read_str", "probe_read_kernel", "probe_read_kernel_str")
)
"""Helpers that lockdown in confidentiality mode refuses; each refusal is logged by the kernel."""

TRY = ByHand("Load it: bpftool prog loadall FILE.bpf.o /sys/fs/bpf/try")


@check(
    "object.helpers",
    title="helpers called",
    requires=("object.file",),
    explained_by=("kernel.bpf-syscall",),
)
def object_helpers(context: Context) -> Iterator[Finding]:
    """Whether the running kernel lets each program call the helpers and functions that it calls.

    The kernel lists its helpers in its enum bpf_func_id, which its BTF shows. Which of them, and of
    its own functions (`__ksym`), a program may call depends on its type, on whether it may sleep,
    and on its licence: many are for programs under the GPL alone, or a licence compatible with it.
    So a program of the same kind that does nothing but call it is loaded, for a moment, for each.

    What is refused in code that is never reached hinders nobody: a program that asks first, or that
    its loader can tell by a constant, may load all the same.
    """
    found, seen = object_of(context)
    for program in found.programs if found else ():
        if found:
            yield _judged(context, found, program, seen)


def _judged(
    context: Context, found: BpfObject, program: ObjectProgram, seen: list[Evidence]
) -> Finding:
    lacking = (*program.unknown_helpers, *program.unknown_functions)
    if lacking:
        summary = f"this kernel has no {', '.join(lacking)}"
        elsewhere = found.modules and not program.unknown_helpers
        return _elsewhere(program, summary, seen) if elsewhere else _refused(program, summary, seen)
    if program.guarded and _confidential(context) and set(READING) & set(program.numbers):
        summary = "lockdown refuses to read kernel memory, unless what it asks makes it do without"
        return unknown(summary, about=program.name, seen=seen, fixes=[TRY])
    if not _can_be_tried(program):
        return _listed(found, program, seen)
    if found.license not in GPL and set(UNTRIED) & set(program.numbers):
        summary = f"licence {found.license or '(none)'}: bpf_printk is for programs under the GPL"
        return _refused(program, summary, seen)
    return _tried(context, found, program, seen)


def _tried(
    context: Context, found: BpfObject, program: ObjectProgram, seen: list[Evidence]
) -> Finding:
    question = _question(context, found, program)
    answer, identity = context.ask(question), context.ask(AskIdentity())
    seen, about = [*seen, evidence(question, answer)], program.name
    if not isinstance(answer, Calls):
        return unknown(f"not tried: {answer.shown()}", about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if not answer.plain.worked:
        return _not_loaded(context, program, answer.plain, seen)
    if not answer.refused:
        calls = len(program.numbers) + len(program.functions)
        return passed(f"{calls} helpers and functions, all allowed", about=about, seen=seen)
    refused = "; ".join(each.why for each in answer.refused)
    if isinstance(identity, Identity) and is_root(identity):
        return _refused(program, f"in a program of type {program.type}: {refused}", seen)
    return unknown(refused, about=about, seen=seen, fixes=[ASK_AS_ROOT])


def _can_be_tried(program: ObjectProgram) -> bool:
    """It loads alone, or for what its section names."""
    return program.type in LOADABLE or (bool(program.target) and program.kind in ATTACH_TYPES)


def _question(context: Context, found: BpfObject, program: ObjectProgram) -> TryCalls:
    by_target = program.type not in LOADABLE
    untried = UNTRIED + (READING if _confidential(context) else ())
    return TryCalls(
        type=program.type,
        helpers=tuple(each for each in program.numbers if each not in untried),
        functions=program.functions,
        attach=program.attach,
        flags=program.flags,
        license=found.license,
        kind=program.kind if by_target else "",
        target=program.target if by_target else "",
    )


def _not_loaded(
    context: Context, program: ObjectProgram, said: Attempt, seen: list[Evidence]
) -> Finding:
    """No program of its type loads, or none that is as this one: sleepable, with fragments, …"""
    general = _more_general(context, program)
    if not isinstance(general, Attempt) or not general.loaded:
        by = of_the_kernel(context, program.name, Stage.LOAD)
        return blocked("no such program was loaded", by=by, about=program.name)
    summary = f"a program that is loaded as {program.section} is: {said.error}"
    if status_of(said, context.ask(AskIdentity())) is not Status.FAIL:
        return unknown(summary, about=program.name, seen=seen, fixes=[ASK_AS_ROOT])
    newer = ByHand("Boot a newer kernel.")
    return failed(summary, about=program.name, seen=seen, fixes=[newer])


def _more_general(context: Context, program: ObjectProgram) -> Attempt | NoAnswer:
    """A program that asks for less: nothing of its own but its type, and what it is loaded for."""
    trial = None if program.type in LOADABLE else trial_of(target_of(program))
    return context.ask(trial.question if trial else LoadProgram(program.type))


def _refused(program: ObjectProgram, summary: str, seen: list[Evidence]) -> Finding:
    if program.guarded:
        summary += ", unless what the program asks makes it do without"
        return unknown(summary, about=program.name, seen=seen, fixes=[TRY])
    newer = ByHand("Run it on a newer kernel, or ask bpf_core_enum_value_exists() first.")
    return failed(summary, about=program.name, seen=seen, fixes=[newer])


def _elsewhere(program: ObjectProgram, summary: str, seen: list[Evidence]) -> Finding:
    summary += " in its own BTF; that of its modules was not read"
    return unknown(summary, about=program.name, seen=seen, fixes=[TRY])


def _listed(found: BpfObject, program: ObjectProgram, seen: list[Evidence]) -> Finding:
    """Its loader must say what it is loaded for: what the kernel lists must do."""
    about, count = program.name, len(program.helpers)
    if program.functions or (count and found.license not in GPL):
        summary = f"licence {found.license or '(none)'}: some helpers are for GPL programs alone"
        if program.functions:
            summary = f"whether it may call {', '.join(program.functions)} only loading it tells"
        return unknown(summary, about=about, seen=seen, fixes=[TRY])
    if found.kernel_btf or not count:
        return passed(f"{count} helpers, all known to this kernel", about=about, seen=seen)
    look = ByHand("As root: bpftool feature probe kernel")
    summary = f"without BTF the kernel does not list its helpers; {count} are called"
    return unknown(summary, about=about, seen=seen, fixes=[look])


def _confidential(context: Context) -> bool:
    answer = context.ask(AskSecurityFile("lockdown"))
    return isinstance(answer, FileText) and lockdown_mode(answer.text) == "confidentiality"
