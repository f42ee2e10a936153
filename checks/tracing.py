"""What tracing programs attach to: tracepoints, kprobes, uprobes, trampolines, iterators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from bpfdoctor.api import ByHand, Context, Finding, NoAnswer, Question, Status
from bpfdoctor.api import blocked, check, evidence, passed
from bpfdoctor.api import bpf, kernel

EVENTS = ("runtime.event-privileges",)
"""What everything needs that hangs on an event of perf_event_open(2)."""

FENTRY, ITERATOR = bpf.ATTACH_TYPES["trace_fentry"], bpf.ATTACH_TYPES["trace_iter"]

TRACER_GONE = "the function tracer has shut itself down after a fault, see dmesg; reboot"

UNTRIED = "not tried while the function tracer is off: it would attach, and stay silent"

LOADING = ("kernel.program-types[socket_filter]",)
"""Where this fails, no program of any type loads."""


@check(
    "kernel.tracepoints",
    title="BPF programs on tracepoints",
    requires=(*EVENTS, "kernel.program-types[tracepoint]", "runtime.tracefs"),
)
def kernel_tracepoints(context: Context) -> Iterator[Finding]:
    """Whether a program attaches to a tracepoint: one of a system call, and one of the scheduler.

    Both are attached to for a moment, with a program that does nothing; so is, of each other
    category that a program needs, the first tracepoint that it names. Tracepoint programs came
    with Linux 4.7 (commit 98b5c2c65c29), those of system calls with 4.14 (commit cf5f5cea2706);
    these need CONFIG_FTRACE_SYSCALLS, which kernels for small machines leave out.
    """
    for category, name in OURS.items():
        yield _tracepoint(context, category, name)
    for category in context.project.abouts("kernel.tracepoints"):
        if category not in OURS:
            yield _in_category(context, category)


OURS = {"syscalls": "sys_enter_getcpu", "sched": "sched_process_exec"}
"""Tracepoints of categories that nearly every kernel has."""


def _tracepoint(context: Context, category: str, name: str) -> Finding:
    option = ByHand("Boot a kernel built with CONFIG_FTRACE_SYSCALLS=y and CONFIG_BPF_EVENTS=y.")
    missing = {"ENOENT": "this kernel has no such tracepoint"}
    question = bpf.AttachTracepoint(category, name)
    what = f"attaching to {category}/{name}"
    return bpf.probed(context, question, what, about=category, means=missing, fixes=[option])


def _in_category(context: Context, category: str) -> Finding:
    """Tried on the first that is there of those that the programs name."""
    targets = context.project.abouts("kernel.targets")
    named = [target for target in targets if target.startswith(f"tp/{category}/")]
    for target in named:
        name = target.rpartition("/")[2]
        answer = context.ask(bpf.AttachTracepoint(category, name))
        if isinstance(answer, NoAnswer) or answer.error != "ENOENT":
            return _tracepoint(context, category, name)
    if named:
        by = [f"kernel.targets[{target}]" for target in named]
        return blocked("what the programs name is not there", by=by, about=category)
    return passed("no program names a tracepoint of this category", about=category)


@check(
    "kernel.kprobes",
    title="kprobes and kretprobes",
    requires=(*EVENTS, "kernel.program-types[kprobe]", "runtime.sysfs"),
    explained_by=("kernel.lockdown",),
)
def kernel_kprobes(context: Context) -> Finding:
    """Whether a program attaches to the entry and the return of a kernel function.

    A kretprobe is tried, which is a kprobe on the entry as well, on a function that the kernel
    keeps for such tests. ksyscall programs are kprobes too. The kernel needs CONFIG_KPROBE_EVENTS.
    Lockdown in confidentiality mode forbids them; the kernel is then not asked, because it logs
    each refusal. Kprobes take a program since Linux 4.1 (commit 2541517c32be); they are an event
    source of their own since 4.17 (commit e12f03d7031a).
    """
    means = {
        "ENOENT": "this kernel has no kprobes, CONFIG_KPROBE_EVENTS is off",
        "ENODEV": TRACER_GONE,
    }
    option = ByHand("Boot a kernel built with CONFIG_KPROBES=y and CONFIG_KPROBE_EVENTS=y.")
    what = "attaching a kretprobe, with the kprobe under it"
    question = bpf.AttachKprobe(returns=True)
    answer = context.ask(question)
    if isinstance(answer, NoAnswer) and kernel.untried(context, "kprobe"):
        return passed(f"{what}: {UNTRIED}", seen=[evidence(question, answer)])
    return bpf.probed(context, question, what, means=means, fixes=[option])


@check(
    "kernel.uprobes",
    title="uprobes and uretprobes",
    requires=(*EVENTS, "kernel.program-types[kprobe]", "runtime.sysfs"),
)
def kernel_uprobes(context: Context) -> Finding:
    """Whether a program attaches to the entry and the return of a place in a file.

    A uretprobe is tried, which is a uprobe on the entry as well, on a file of bpfdoctor's own that
    nobody runs. USDT programs are uprobes too. The kernel needs CONFIG_UPROBE_EVENTS; uprobes are
    an event source since Linux 4.17 (commit 33ea4b24277b).
    """
    means = {"ENOENT": "this kernel has no uprobes, CONFIG_UPROBE_EVENTS is off"}
    option = ByHand("Boot a kernel built with CONFIG_UPROBES=y and CONFIG_UPROBE_EVENTS=y.")
    what = "attaching a uretprobe, with the uprobe under it"
    return bpf.probed(context, bpf.AttachUprobe(returns=True), what, means=means, fixes=[option])


@check(
    "kernel.trampolines",
    title="fentry and fexit programs",
    requires=("runtime.privileges", "kernel.btf"),
    excused_by=LOADING,
)
def kernel_trampolines(context: Context) -> Iterator[Finding]:
    """Whether a program loads for, and attaches to, the entry and the exit of a kernel function.

    Tried on a function that the kernel keeps for such tests. They came with Linux 5.5 (commit
    fec56f5890d9), for arm64 in two steps: 6.0 (commit efc9909fdce0) and 6.4 (commit 2aa6ac03516d);
    before that they load there and do not attach. The kernel needs its BTF, the JIT, and
    CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS.
    """
    means = {
        "ENOENT": "the kernel's BTF has none of these functions",
        "EINVAL": "this kernel knows no such programs, or cannot attach them",
        "E2BIG": f"this kernel is older than such programs, Linux {FENTRY.since}",
        "ENOTSUPP": "this kernel has no trampolines for this architecture; arm64 has from 6.4",
        "EBUSY": "the function tracer of this kernel leaves no room at its start",
        "ENODEV": TRACER_GONE,
    }
    newer = ByHand("Use kprobes instead (kernel.kprobes), or boot a kernel that allows fentry.")
    tried = context.ask(bpf.AttachTrampoline("fentry"))
    alone = isinstance(tried, NoAnswer) and kernel.untried(context, "trampoline")
    probes = {
        "fentry": bpf.AttachTrampoline("fentry", loading=alone),
        "fexit": bpf.AttachTrampoline("fexit", loading=alone),
    }
    for found in _in_stages(context, "kernel.trampolines", probes, means, newer):
        yield _with_tracer_off(context, found, alone) if found.about == "attach" else found


def _with_tracer_off(context: Context, found: Finding, alone: bool) -> Finding:
    """What was loaded alone would have been attached; what was refused is the tracer's to mend."""
    if found.status is Status.PASS and alone:
        return passed(f"fentry and fexit: {UNTRIED}", about="attach", seen=found.evidence)
    if found.status is Status.FAIL and kernel.silenced(context, "trampoline"):
        return blocked(found.summary, by=["kernel.function-tracer"], about="attach")
    return found


@check(
    "kernel.iterators",
    title="BPF iterators",
    requires=("runtime.privileges", "kernel.btf"),
    excused_by=LOADING,
)
def kernel_iterators(context: Context) -> Iterator[Finding]:
    """Whether an iterator over all tasks loads, and can be made (Linux 5.8, commit ae24345da54e).

    It is made and never read. It needs the kernel's BTF.
    """
    means = {
        "ENOENT": "this kernel has no iterator over tasks",
        "EINVAL": "this kernel knows no iterators",
        "E2BIG": f"this kernel is older than iterators, Linux {ITERATOR.since}",
    }
    newer = ByHand(f"Boot a kernel of {ITERATOR.since} or later.")
    probes = {"an iterator over tasks": bpf.AttachIterator()}
    return _in_stages(context, "kernel.iterators", probes, means, newer)


def _in_stages(
    context: Context,
    check_id: str,
    probes: Mapping[str, Question[bpf.Attempt]],
    means: Mapping[str, str],
    fix: ByHand,
) -> Iterator[Finding]:
    """`load` and `attach`, told apart by the call that was refused: the first probe decides."""
    found = [
        (context.ask(question), bpf.probed(context, question, name, means=means, fixes=[fix]))
        for name, question in probes.items()
    ]
    bad = [(answer, each) for answer, each in found if each.status is not Status.PASS]
    stuck = [each for answer, each in bad if isinstance(answer, NoAnswer) or not answer.loaded]
    names, seen = " and ".join(probes), [line for _, each in found for line in each.evidence]
    if stuck:
        yield msgspec.structs.replace(stuck[0], about="load")
        yield blocked("what does not load, nobody attaches", [f"{check_id}[load]"], about="attach")
        return
    yield passed(f"{names}: the kernel loaded it", about="load", seen=seen)
    if bad:
        yield msgspec.structs.replace(bad[0][1], about="attach")
    else:
        yield passed(f"{names}: the kernel attached it", about="attach", seen=seen)
