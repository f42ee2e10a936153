"""How the kernel was built: the options that programs rest on."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Evidence, Finding, NoAnswer
from bpfdoctor.api import check, evidence, passed, unknown, warned
from bpfdoctor.api import bpf, files, kernel

PURPOSE = {
    "CONFIG_BPF_EVENTS": (
        "BPF programs on tracepoints, kprobes and uprobes "
        f"(Linux {bpf.PROGRAM_TYPES['kprobe'].since})"
    ),
    "CONFIG_BPF_JIT": "machine code for BPF programs; fentry, fexit and LSM need it",
    "CONFIG_BPF_LSM": f"LSM programs (Linux {bpf.PROGRAM_TYPES['lsm'].since})",
    "CONFIG_BPF_SYSCALL": "bpf(2) (Linux 3.18)",
    "CONFIG_DEBUG_INFO_BTF": "the kernel's own types: CO-RE, fentry, LSM, iterators (Linux 5.2)",
    "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS": (
        f"fentry and fexit (Linux {bpf.PROGRAM_TYPES['tracing'].since}; arm64 6.4)"
    ),
    "CONFIG_FTRACE_SYSCALLS": "the tracepoints syscalls:*",
    "CONFIG_KPROBE_EVENTS": "kprobes, kretprobes, ksyscall",
    "CONFIG_NET_CLS_BPF": f"BPF classifiers of tc (Linux {bpf.PROGRAM_TYPES['sched_cls'].since})",
    "CONFIG_NET_SCH_INGRESS": "the qdisc clsact, where tc programs hang (Linux 4.5)",
    "CONFIG_PERF_EVENTS": "perf_event_open(2), by which tracing programs are attached",
    "CONFIG_UPROBE_EVENTS": "uprobes and USDT probes",
}
"""What each option that a project file names is good for, and since when it is there."""

WITNESS = {
    "CONFIG_BPF_SYSCALL": ("/proc/sys/kernel/unprivileged_bpf_disabled", (4, 4)),
    "CONFIG_DEBUG_INFO_BTF": ("/sys/kernel/btf/vmlinux", (5, 4)),
    "CONFIG_KPROBE_EVENTS": ("/sys/bus/event_source/devices/kprobe", (4, 17)),
    "CONFIG_PERF_EVENTS": ("/proc/sys/kernel/perf_event_paranoid", (2, 6)),
    "CONFIG_UPROBE_EVENTS": ("/sys/bus/event_source/devices/uprobe", (4, 17)),
}
"""Paths that a kernel has with the option alone, and from which release on: commits 1be7f75d1668,
341dfcf8d78e, e12f03d7031a and 33ea4b24277b; for perf events, perf_event_open(2) says so."""

IN_OWN_CHECK = ("CONFIG_DEBUG_INFO_BTF",)
"""Options whose contradictions another check reports."""


@check("kernel.config", title="kernel options")
def kernel_config(context: Context) -> Iterator[Finding]:
    """The kernel options that the project's programs rest on, each with its purpose.

    Options are witnesses, never needs: what decides is whether the kernel does the thing, which
    other checks try. An option that is off where its effect is seen, or on where it is not, is a
    contradiction: the configuration is another kernel's, or something is hidden from here.

    The configuration is read from /proc/config.gz, /boot/config-RELEASE or
    /lib/modules/RELEASE/config.
    """
    programs = {name: context.project.program(name) for name in context.project.programs}
    users: dict[str, list[str]] = {}
    for name, program in programs.items():
        for option in program.options if program else ():
            users.setdefault(option, []).append(name)
    if users:
        answers = {option: context.ask(kernel.Option(option)) for option in sorted(users)}
        yield _summary(context, answers, users)
        yield from _contradictions(context, answers)


def _summary(
    context: Context,
    answers: dict[str, kernel.KernelOption | NoAnswer],
    users: dict[str, list[str]],
) -> Finding:
    seen = [evidence(kernel.Option(option), answer) for option, answer in answers.items()]
    read = {name: a for name, a in answers.items() if isinstance(a, kernel.KernelOption)}
    if len(read) < len(answers):
        return _unread(context, answers, seen)
    off = [name for name, answer in read.items() if answer.value == "n"]
    path = next(iter(read.values())).path
    summary = f"{len(read) - len(off)} of {len(read)} options are set in {path}"
    for name in off:
        purpose = PURPOSE.get(name, "")
        summary += f"; off: {name} ({purpose}: {', '.join(users[name])})"
    return passed(summary, seen=seen)


def _unread(
    context: Context, answers: dict[str, kernel.KernelOption | NoAnswer], seen: list[Evidence]
) -> Finding:
    reason = next(a.reason for a in answers.values() if isinstance(a, NoAnswer))
    shown = [o for o in answers if o in WITNESS and _witnessed(context, o)[1]]
    if shown:
        return passed(
            f"no readable configuration ({reason}); shown by the kernel: {', '.join(shown)}"
        )
    look = ByHand("As root: zcat /proc/config.gz; cat /boot/config-$(uname -r)")
    return unknown(f"no readable kernel configuration: {reason}", seen=seen, fixes=[look])


def _contradictions(
    context: Context, answers: dict[str, kernel.KernelOption | NoAnswer]
) -> Iterator[Finding]:
    for option, answer in answers.items():
        if (
            option in WITNESS
            and option not in IN_OWN_CHECK
            and isinstance(answer, kernel.KernelOption)
        ):
            shown, there = _witnessed(context, option)
            if there is not None and there != (answer.value != "n"):
                seen = [evidence(kernel.Option(option), answer), shown]
                yield _contradiction(option, answer, there, seen)


def _contradiction(
    option: str, answer: kernel.KernelOption, there: bool, seen: list[Evidence]
) -> Finding:
    path, _ = WITNESS[option]
    what = f"{path} is {'there' if there else 'not there'}"
    why = f"{answer.path} is another kernel's" if there else f"{path} is hidden here"
    summary = f"{answer.value} in {answer.path}, but {what}"
    return warned(summary, about=option, seen=seen, fixes=[ByHand(f"Likely {why}.")])


def _witnessed(context: Context, option: str) -> tuple[Evidence, bool | None]:
    """Whether what only a kernel with the option has is there; None where that is not known."""
    path, since = WITNESS[option]
    question, running = files.LookAt(path), context.ask(kernel.AskKernel())
    answer = context.ask(question)
    if isinstance(answer, files.PathFacts):
        return evidence(question, answer), True
    telling = isinstance(running, kernel.Kernel) and kernel.version(running.release) >= since
    return evidence(question, answer), False if answer.absent and telling else None
