"""What the programs of a compiled BPF object call: does the running kernel let them?"""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Evidence, Finding, Stage, Status
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, files, kernel, machine, objects, privilege

GPL = ("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL")
"""license_is_gpl_compatible of include/linux/license.h: what may call the helpers for GPL only."""

UNTRIED = tuple(
    bpf.HELPERS[name].number for name in ("trace_printk", "trace_vprintk", "probe_write_user")
)
"""Helpers of which loading a program alone leaves a mark: the kernel switches an event on, or logs
a warning. All are for programs under the GPL alone (kernel/trace/bpf_trace.c, Linux 4.1 on)."""

READING = tuple(
    bpf.HELPERS[name].number
    for name in (
        *("probe_read", "probe_read_kernel", "probe_read_user"),
        *("probe_read_str", "probe_read_kernel_str", "probe_read_user_str"),
    )
)
"""Helpers that lockdown in confidentiality mode refuses; each refusal is logged by the kernel.

Those that read what is the user's are allowed; but libbpf takes the refusal of the others for a
kernel before 5.5, and writes the oldest in the place of all (bpf_object__sanitize_prog)."""


@check(
    "object.helpers",
    title="helpers called",
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
    for each in objects.programs_of(context):
        yield _judged(context, each)


def _judged(context: Context, each: objects.SeenProgram) -> Finding:
    found, program, about = each.of.facts, each.program, each.about
    if program.unknown_helpers:
        return _refused(each, f"this kernel has no {', '.join(program.unknown_helpers)}")
    lost = [name for name in program.functions if name in _absent(found)]
    if lost:
        return _lost(each, ", ".join(lost))
    if program.conditional and _confidential(context) and set(READING) & set(program.numbers):
        summary = "lockdown refuses to read kernel memory, unless what it asks makes it do without"
        return unknown(summary, about=about, seen=each.of.seen, fixes=[bpf.LOAD_ALL])
    if program.type in bpf.LOADABLE or objects.loaded_for(program):
        return _tried(context, each)
    return _listed(each)


def _lost(each: objects.SeenProgram, names: str) -> Finding:
    if each.of.facts.modules:
        summary = f"{names}: not in the kernel's own BTF; that of its modules was not read"
        return unknown(summary, about=each.about, seen=each.of.seen, fixes=[bpf.LOAD_ALL])
    return _refused(each, f"this kernel has no function {names}")


def _absent(found: objects.BpfObject) -> set[str]:
    """Weak functions that the kernel's BTF has not; without the others nothing is loaded."""
    weak = [each for each in found.externs if each.sort == "function" and each.weak]
    return {each.name for each in weak if not each.known} if found.kernel_btf else set()


def _tried(context: Context, each: objects.SeenProgram) -> Finding:
    found, program, about = each.of.facts, each.program, each.about
    if found.license not in GPL and set(UNTRIED) & set(program.numbers):
        summary = f"licence {found.license or '(none)'}: bpf_printk is for programs under the GPL"
        return _refused(each, summary)
    question = _question(context, found, program)
    answer, identity = context.ask(question), context.ask(machine.AskIdentity())
    seen = [*each.of.seen, evidence(question, answer)]
    if not isinstance(answer, objects.Calls):
        return unknown(f"not tried: {answer.shown()}", about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if not answer.plain.worked:
        return _not_loaded(context, each, answer.plain, seen)
    if not answer.refused:
        calls = len(program.numbers) + len(program.functions)
        return passed(f"{calls} helpers and functions, all allowed", about=about, seen=seen)
    refused = "; ".join(each.why for each in answer.refused)
    if isinstance(identity, machine.Identity) and privilege.is_root(identity):
        return _refused(each, f"in a program of type {program.type}: {refused}", seen)
    return unknown(refused, about=about, seen=seen, fixes=[ASK_AS_ROOT])


def _question(
    context: Context, found: objects.BpfObject, program: objects.ObjectProgram
) -> objects.ProbeCalls:
    untried = UNTRIED + (READING if _confidential(context) else ())
    helpers = tuple(each for each in program.numbers if each not in untried)
    return objects.ProbeCalls(objects.like(found, program), helpers, program.functions)


def _not_loaded(
    context: Context, each: objects.SeenProgram, said: bpf.Attempt, seen: list[Evidence]
) -> Finding:
    """No program of its type loads, or none that is as this one: sleepable, with fragments, …"""
    program, about = each.program, each.about
    if not _one_loads(context, program):
        by = bpf.of_the_kernel(context, about, Stage.LOAD)
        return blocked("no program of its kind was loaded", by=by, about=about)
    summary = f"a program that is loaded as {program.section} is: {said.error}"
    summary = f"{summary}: {objects.last_words(said.log)}".removesuffix(": ")
    if privilege.status_of(said, context.ask(machine.AskIdentity())) is not Status.FAIL:
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    newer = ByHand("Boot a newer kernel, or put the program under the GPL.")
    return failed(summary, about=about, seen=seen, fixes=[newer])


def _one_loads(context: Context, program: objects.ObjectProgram) -> bool:
    """Whether any program like it is loaded, under the GPL."""
    target = objects.loaded_for(program)
    if not target:
        general = context.ask(bpf.LoadProgram(program.type))
        return isinstance(general, bpf.Attempt) and general.worked
    trial = bpf.trial_of(target)
    answer = context.ask(trial.question) if trial and bpf.able(context, trial) else None
    return isinstance(answer, bpf.Attempt) and answer.loaded


def _refused(
    each: objects.SeenProgram, summary: str, seen: list[Evidence] | None = None
) -> Finding:
    about, seen = each.about, seen or each.of.seen
    if each.program.conditional:
        summary += ", unless what the program asks makes it do without"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ALL])
    newer = ByHand("Run it on a newer kernel, or ask bpf_core_enum_value_exists() first.")
    return failed(summary, about=about, seen=seen, fixes=[newer])


def _listed(each: objects.SeenProgram) -> Finding:
    """Loaded for a target that is not tried: what the kernel lists must do."""
    found, program, seen = each.of.facts, each.program, each.of.seen
    about, count = each.about, len(program.helpers)
    if program.functions or (count and found.license not in GPL):
        summary = f"licence {found.license or '(none)'}: some helpers are for GPL programs alone"
        if program.functions:
            summary = f"whether it may call {', '.join(program.functions)} only loading it tells"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ALL])
    if found.alone and count:
        return objects.not_compared(f"{count} helpers", about, seen)
    if found.kernel_btf or not count:
        return passed(f"{count} helpers, all known to this kernel", about=about, seen=seen)
    summary = f"without BTF the kernel does not list its helpers; {count} are called"
    return unknown(summary, about=about, seen=seen, fixes=[bpf.LIST_FEATURES])


def _confidential(context: Context) -> bool:
    answer = context.ask(kernel.SecurityFile("lockdown"))
    return isinstance(answer, files.Text) and kernel.lockdown_mode(answer.text) == "confidentiality"
