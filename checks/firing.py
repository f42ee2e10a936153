"""Whether attached programs run: one of ours of each kind is hit once by ourselves, and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Finding, Fix, NoAnswer, Question, Run
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, kernel

TC_MODULES = ("sch_ingress", "cls_bpf")
"""As for kernel.tc: to attach would load them."""


class Way(NamedTuple):
    """How a kind is attached by itself, and the finding on that."""

    attach: tuple[Question[bpf.Attempt], ...]
    keys: tuple[str, ...]


WAYS: dict[bpf.FiredKind, Way] = {
    "kprobe": Way((bpf.AttachKprobe(returns=True),), ("kernel.kprobes",)),
    "uprobe": Way((bpf.AttachUprobe(returns=True),), ("kernel.uprobes",)),
    "trampoline": Way((bpf.AttachTrampoline("fentry"),), ("kernel.trampolines[attach]",)),
    "tracepoint": Way(
        (
            bpf.AttachTracepoint("syscalls", "sys_enter_getcpu"),
            bpf.AttachTracepoint("sched", "sched_process_exec"),
        ),
        ("kernel.tracepoints[syscalls]", "kernel.tracepoints[sched]"),
    ),
    "classifier": Way((bpf.AttachClassifier(),), ("kernel.tc",)),
    "socket-filter": Way((bpf.AttachSocketFilter(),), ("kernel.socket-filter",)),
    "iterator": Way((bpf.AttachIterator(),), ("kernel.iterators[attach]",)),
}
"""By kind, in the order in which a switch that silences several is told of."""


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

    A program may be attached and silent. While kprobes/enabled in debugfs is 0 the kernel arms no
    kprobe. While the sysctl kernel.ftrace_enabled is 0, up to Linux 6.18, it calls neither kprobes
    nor fentry programs at the beginning of a function. Switch it on again: that is for all programs
    of this machine.
    """
    wanted = context.project.abouts("kernel.fires")
    silent: dict[str, str] = {}
    for kind, way in WAYS.items():
        if kind in wanted:
            yield _fires(context, kind, way, silent)
    if "lsm" in wanted:
        yield _lsm(context)


def _fires(context: Context, kind: bpf.FiredKind, way: Way, silent: dict[str, str]) -> Finding:
    modules = _to_be_loaded(context) if kind == "classifier" else None
    if modules is not None:
        return modules
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
    return _silent(answer, kind, silent)


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
    context: Context, answer: bpf.FiredOnce | NoAnswer, kind: bpf.FiredKind, way: Way
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


def _silent(answer: bpf.FiredOnce, kind: bpf.FiredKind, silent: dict[str, str]) -> Finding:
    """Attached, hit and silent. Two kinds that one switch silences are one failure."""
    off = [file for file, text in answer.switches if text == "0"]
    if off and off[0] in silent:
        summary = f"{off[0]} is 0, which silences this too"
        return blocked(summary, by=[silent[off[0]]], about=kind)
    silent.update(dict.fromkeys(off, f"kernel.fires[{kind}]"))
    why = "; ".join(f"{file} is 0" for file in off) or "what silences it is not known"
    summary = f"attached to {answer.target}, hit and silent: {why}"
    unread = [file for file, text in answer.switches if text not in ("0", "1")]
    fixes = [_SWITCH_ON[file] for file in off] or [_LOOK[file] for file in unread if file in _LOOK]
    seen = [evidence(bpf.FireOnce(kind), answer)]
    return failed(summary, about=kind, seen=seen, fixes=fixes or [OTHERWISE])


_SWITCH_ON: dict[str, Fix] = {
    bpf.KPROBES_ENABLED: ByHand(
        f"As root: echo 1 > {bpf.KPROBES_ENABLED} (it arms every kprobe of this machine)"
    ),
    bpf.FTRACE_ENABLED: Run(
        ("sysctl", "-w", "kernel.ftrace_enabled=1"),
        privileged=True,
        undo=("sysctl", "-w", "kernel.ftrace_enabled=0"),
        text="Until the next boot.",
    ),
}

_LOOK: dict[str, Fix] = {
    bpf.KPROBES_ENABLED: ByHand(
        "As root: mount -t debugfs debugfs /sys/kernel/debug; "
        f"cat {bpf.KPROBES_ENABLED}; where that is 0: echo 1 > {bpf.KPROBES_ENABLED}"
    )
}
"""Where a switch cannot be read."""

OTHERWISE = ByHand("Attach by another kind of program, or boot another kernel: dmesg may say why.")


def _lsm(context: Context) -> Finding:
    """What kernel.lsm-active says."""
    question = bpf.FireLsm()
    answer = context.ask(question)
    if isinstance(answer, NoAnswer) or not answer.hits:
        return blocked("no LSM program of ours ran", by=["kernel.lsm-active"], about="lsm")
    seen = [evidence(question, answer)]
    return passed("hit once and counted, on the hook of bpf(2)", about="lsm", seen=seen)
