"""Whether attached programs run: one of ours of each kind is hit once by ourselves, and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Finding, NoAnswer, Question, Run
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, kernel

TRACED = ("kernel.kprobes", "kernel.trampolines", "kernel.lsm", "kernel.fires")
"""What rests on the function tracer."""

TC_MODULES = ("sch_ingress", "cls_bpf")
"""As for kernel.tc: to attach would load them."""


class Attaching(NamedTuple):
    """How a kind is attached by itself, and the finding on that."""

    attach: tuple[Question[bpf.Attempt], ...]
    keys: tuple[str, ...]


WAYS: dict[bpf.FiredKind, Attaching] = {
    "kprobe": Attaching((bpf.AttachKprobe(returns=True),), ("kernel.kprobes",)),
    "uprobe": Attaching((bpf.AttachUprobe(returns=True),), ("kernel.uprobes",)),
    "trampoline": Attaching((bpf.AttachTrampoline("fentry"),), ("kernel.trampolines[attach]",)),
    "tracepoint": Attaching(
        (
            bpf.AttachTracepoint("syscalls", "sys_enter_getcpu"),
            bpf.AttachTracepoint("sched", "sched_process_exec"),
        ),
        ("kernel.tracepoints[syscalls]", "kernel.tracepoints[sched]"),
    ),
    "classifier": Attaching((bpf.AttachClassifier(),), ("kernel.tc",)),
    "socket-filter": Attaching((bpf.AttachSocketFilter(),), ("kernel.socket-filter",)),
    "iterator": Attaching((bpf.AttachIterator(),), ("kernel.iterators[attach]",)),
}
"""By kind."""


@check(
    "kernel.fires",
    title="attached programs run",
    applies=lambda project: bool(project.abouts("kernel.fires")),
)
def kernel_fires(context: Context) -> Iterator[Finding]:
    """Whether the kernel runs a program that it has attached, by kind.

    A program of bpfdoctor's own is attached to something that bpfdoctor itself brings about: the
    function and the tracepoint of a rare system call (getcpu), the kernel's own test of fentry, a
    function in a file in memory, lo in a network namespace of its own, a socket whose other end is
    bpfdoctor's. It is hit once, and counts. kretprobe and ksyscall programs are kprobes, USDT and
    uretprobe programs uprobes, fexit and fmod_ret programs use the trampoline of fentry.

    A program may be attached and silent: while kprobes/enabled in debugfs is 0 the kernel arms no
    kprobe; what kernel.ftrace_enabled silences says kernel.function-tracer.
    """
    wanted = context.project.abouts("kernel.fires")
    for kind, way in WAYS.items():
        if kind in wanted:
            yield _untried(context, kind) or _fires(context, kind, way)
    if "lsm" in wanted:
        yield _untried(context, "lsm") or _lsm(context)


def _untried(context: Context, kind: str) -> Finding | None:
    """What the tracer silences, and a classifier of which trying would load the modules."""
    if kernel.silenced(context, kind):
        return blocked("the function tracer is off", by=["kernel.function-tracer"], about=kind)
    return _to_be_loaded(context) if kind == "classifier" else None


def _fires(context: Context, kind: bpf.FiredKind, way: Attaching) -> Finding:
    question = bpf.FireOnce(kind)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer) or not answer.attached.worked:
        return _not_attached(context, answer, kind, way)
    if answer.hits is None:
        return passed("it attaches; not fired: no way to hit it here", about=kind, seen=seen)
    if answer.hits:
        return passed(f"hit once and counted, on {answer.target}", about=kind, seen=seen)
    if answer.refused:
        summary = f"it was not hit: our own call was refused: {answer.refused}"
        return unknown(summary, about=kind, seen=seen, fixes=[ASK_AS_ROOT])
    return _silent(answer, kind)


def _to_be_loaded(context: Context) -> Finding | None:
    """A classifier of which the modules would be loaded by trying it is left alone."""
    question = kernel.Loadable(TC_MODULES)
    answer = context.ask(question)
    if isinstance(answer, NoAnswer) or not answer.loadable or answer.lacking:
        return None
    names = " and ".join(answer.loadable)
    summary = f"not fired: to try it would load {names}, as the first program will"
    return passed(summary, about="classifier", seen=[evidence(question, answer)])


def _not_attached(
    context: Context, answer: bpf.FiredOnce | NoAnswer, kind: bpf.FiredKind, way: Attaching
) -> Finding:
    """What does not attach by itself either is that finding's; of the rest nothing is known."""
    for attach, key in zip(way.attach, way.keys, strict=True):
        said = context.ask(attach)
        if isinstance(said, NoAnswer) or not said.worked:
            return blocked("what does not attach, nobody fires", by=[key], about=kind)
    seen = [evidence(bpf.FireOnce(kind), answer)]
    what = answer if isinstance(answer, NoAnswer) else answer.attached
    summary = f"it was not tried: {what.shown().splitlines()[0]}"
    return unknown(summary, about=kind, seen=seen, fixes=[ASK_AS_ROOT])


def _silent(answer: bpf.FiredOnce, kind: bpf.FiredKind) -> Finding:
    summary = f"attached to {answer.target}, hit and silent"
    seen = [evidence(bpf.FireOnce(kind), answer)]
    if answer.armed == "0":
        summary += f": {bpf.KPROBES_ENABLED} is 0"
        return failed(summary, about=kind, seen=seen, fixes=[ARM])
    unread = answer.armed not in ("", "1")
    return failed(summary, about=kind, seen=seen, fixes=[LOOK if unread else OTHERWISE])


ARM = ByHand(f"As root: echo 1 > {bpf.KPROBES_ENABLED} (it arms every kprobe of this machine)")

LOOK = ByHand(
    f"As root: mount -t debugfs debugfs /sys/kernel/debug; cat {bpf.KPROBES_ENABLED}; where that "
    f"is 0: echo 1 > {bpf.KPROBES_ENABLED}"
)

OTHERWISE = ByHand("Attach by another kind of program, or boot another kernel: dmesg may say why.")


@check(
    "kernel.function-tracer",
    title="the function tracer",
    applies=lambda project: any(key.startswith(TRACED) for key in project.all_needs()),
)
def kernel_function_tracer(context: Context) -> Finding:
    """Whether the kernel's function tracer is on (the sysctl kernel.ftrace_enabled).

    Kprobes at the beginning of a function, fentry, fexit and LSM programs run by way of it. While
    it is off they attach and stay silent; before Linux 6.0 trampolines are refused with EBUSY.

    Do not attach them meanwhile: once it is on again and they are detached, the tracer may find its
    records inconsistent and shut itself down until the next boot (seen on 6.1, 6.12 and 7.2). So
    bpfdoctor tries none of them then.
    """
    question = kernel.AskTracer()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer):
        if answer.absent:
            return passed("this kernel has no switch that turns it off", seen=seen)
        look = ByHand("sysctl kernel.ftrace_enabled")
        return unknown(f"it cannot be read: {answer.shown()}", seen=seen, fixes=[look])
    if answer.on:
        return passed("on (kernel.ftrace_enabled = 1)", seen=seen)
    names = " and ".join(f"{each}s" for each in answer.silent)
    summary = f"off (kernel.ftrace_enabled = 0): {names} stay silent"
    return msgspec.structs.replace(failed(summary, seen=seen, fixes=[TURN_ON]), harmful=True)


TURN_ON = Run(
    ("sysctl", "-w", "kernel.ftrace_enabled=1"),
    privileged=True,
    undo=("sysctl", "-w", "kernel.ftrace_enabled=0"),
    text="Until the next boot. Stop the programs that are attached first.",
)


def _lsm(context: Context) -> Finding:
    """What kernel.lsm-active says."""
    question = bpf.FireLsm()
    answer = context.ask(question)
    if isinstance(answer, NoAnswer) or not answer.hits:
        return blocked("no LSM program of ours ran", by=["kernel.lsm-active"], about="lsm")
    seen = [evidence(question, answer)]
    return passed("hit once and counted, on the hook of bpf(2)", about="lsm", seen=seen)
