"""How the kernel was built and is set: its options, the JIT, lockdown, the BTF of its modules."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import (
    AskHelper,
    AskIdentity,
    AskKernel,
    AskKernelOption,
    AskSecurityFile,
    Attempt,
    ByHand,
    Context,
    Evidence,
    FileText,
    Finding,
    Identity,
    Kernel,
    KernelOption,
    ListDirectory,
    LookAt,
    Names,
    NoAnswer,
    PathFacts,
    ReadFile,
    Run,
    blocked,
    check,
    evidence,
    failed,
    kernel_version,
    lockdown_mode,
    may_load,
    passed,
    unknown,
    warned,
)

PURPOSE = {
    "CONFIG_BPF_EVENTS": "BPF programs on tracepoints, kprobes and uprobes (Linux 4.1)",
    "CONFIG_BPF_JIT": "machine code for BPF programs; fentry, fexit and LSM need it",
    "CONFIG_BPF_LSM": "LSM programs (Linux 5.7)",
    "CONFIG_BPF_SYSCALL": "bpf(2) (Linux 3.18)",
    "CONFIG_DEBUG_INFO_BTF": "the kernel's own types: CO-RE, fentry, LSM, iterators (Linux 5.2)",
    "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS": "fentry and fexit (Linux 5.5; arm64 6.4)",
    "CONFIG_FTRACE_SYSCALLS": "the tracepoints syscalls:*",
    "CONFIG_KPROBE_EVENTS": "kprobes, kretprobes, ksyscall",
    "CONFIG_NET_CLS_BPF": "BPF classifiers of tc (Linux 4.1)",
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
        answers = {option: context.ask(AskKernelOption(option)) for option in sorted(users)}
        yield _summary(context, answers, users)
        yield from _contradictions(context, answers)


def _summary(
    context: Context, answers: dict[str, KernelOption | NoAnswer], users: dict[str, list[str]]
) -> Finding:
    seen = [evidence(AskKernelOption(option), answer) for option, answer in answers.items()]
    read = {name: a for name, a in answers.items() if isinstance(a, KernelOption)}
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
    context: Context, answers: dict[str, KernelOption | NoAnswer], seen: list[Evidence]
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
    context: Context, answers: dict[str, KernelOption | NoAnswer]
) -> Iterator[Finding]:
    for option, answer in answers.items():
        if option in WITNESS and option not in IN_OWN_CHECK and isinstance(answer, KernelOption):
            shown, there = _witnessed(context, option)
            if there is not None and there != (answer.value != "n"):
                seen = [evidence(AskKernelOption(option), answer), shown]
                yield _contradiction(option, answer, there, seen)


def _contradiction(option: str, answer: KernelOption, there: bool, seen: list[Evidence]) -> Finding:
    path, _ = WITNESS[option]
    what = f"{path} is {'there' if there else 'not there'}"
    why = f"{answer.path} is another kernel's" if there else f"{path} is hidden here"
    summary = f"{answer.value} in {answer.path}, but {what}"
    return warned(summary, about=option, seen=seen, fixes=[ByHand(f"Likely {why}.")])


def _witnessed(context: Context, option: str) -> tuple[Evidence, bool | None]:
    """Whether what only a kernel with the option has is there; None where that is not known."""
    path, since = WITNESS[option]
    question, kernel = LookAt(path), context.ask(AskKernel())
    answer = context.ask(question)
    if isinstance(answer, PathFacts):
        return evidence(question, answer), True
    telling = isinstance(kernel, Kernel) and kernel_version(kernel.release) >= since
    return evidence(question, answer), False if answer.absent and telling else None


@check("kernel.jit", title="BPF just-in-time compiler")
def kernel_jit(context: Context) -> Finding:
    """Whether BPF programs are compiled to machine code, or interpreted.

    fentry, fexit and LSM programs need the compiler: the kernel calls them through a trampoline
    that only it makes (Linux 5.5, commit fec56f5890d9). Others run without it, and slower.
    It is switched by the sysctl net.core.bpf_jit_enable, unless the kernel was built with
    CONFIG_BPF_JIT_ALWAYS_ON.
    """
    question = ReadFile("/proc/sys/net/core/bpf_jit_enable")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, FileText) and answer.text.strip() in ("1", "2"):
        return passed(f"on (net.core.bpf_jit_enable = {answer.text.strip()})")
    if isinstance(answer, FileText) and answer.text.strip() == "0":
        turn = ("sysctl", "-w", "net.core.bpf_jit_enable=1")
        back = ("sysctl", "-w", "net.core.bpf_jit_enable=0")
        fix = Run(turn, privileged=True, undo=back, text="Until the next boot.")
        return warned("off (net.core.bpf_jit_enable = 0)", seen=seen, fixes=[fix])
    return _built_jit(context, seen)


def _built_jit(context: Context, seen: list[Evidence]) -> Finding:
    """The sysctl is the initial network namespace's alone: elsewhere the configuration says."""
    for name, value in (("CONFIG_BPF_JIT_ALWAYS_ON", "y"), ("CONFIG_BPF_JIT", "n")):
        option = AskKernelOption(name)
        answer = context.ask(option)
        seen = [*seen, evidence(option, answer)]
        if isinstance(answer, KernelOption) and answer.value == value:
            said = f"{name}={value} in {answer.path}"
            boot = [ByHand("Boot a kernel built with CONFIG_BPF_JIT=y.")]
            return passed(said) if value == "y" else warned(said, seen=seen, fixes=boot)
    look = ByHand("In the initial network namespace: sysctl net.core.bpf_jit_enable")
    return unknown("whether the JIT is on is not shown here", seen=seen, fixes=[look])


READS = AskHelper("tracepoint", "probe_read_kernel")
"""What lockdown in confidentiality mode refuses to every program (Linux 5.5, commit 6ae08ae3dea2).

Asked only where the mode cannot be read, as in a container without securityfs: where it is
refused, the kernel writes that to its log.
"""


@check("kernel.lockdown", title="kernel lockdown", requires=("runtime.sysfs",))
def kernel_lockdown(context: Context) -> Finding:
    """Whether the kernel is locked down, and how far (Linux 5.4, commit 000d388ed3bb).

    `integrity`, common under Secure Boot, refuses bpf_probe_write_user alone. `confidentiality`
    refuses what could read kernel memory: kprobes, bpf_probe_read_kernel, tracefs. Nothing but a
    boot without it opens them again.
    """
    question = AskSecurityFile("lockdown")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, FileText) and lockdown_mode(answer.text):
        mode = lockdown_mode(answer.text)
        if mode != "confidentiality":
            return passed(mode, seen=seen)
        boot = ByHand(
            "Boot without lockdown=confidentiality (see /proc/cmdline, Secure Boot).",
            boot_without="lockdown=confidentiality",
        )
        return failed("confidentiality: kprobes and reads are refused", seen=seen, fixes=[boot])
    if isinstance(answer, NoAnswer) and answer.absent:
        return passed("this kernel has none")
    return _unread_lockdown(context, seen)


def _unread_lockdown(context: Context, seen: list[Evidence]) -> Finding:
    """The mode is hidden: the configuration may say, or what a program is allowed to call."""
    option = AskKernelOption("CONFIG_SECURITY_LOCKDOWN_LSM")
    built = context.ask(option)
    if isinstance(built, KernelOption) and built.value == "n":
        return passed(f"not built in ({built.path})")
    reads = context.ask(READS)
    if isinstance(reads, Attempt) and reads.worked:
        return passed("not confidentiality: bpf_probe_read_kernel is allowed", seen=seen)
    identity = context.ask(AskIdentity())
    if isinstance(identity, Identity) and not may_load(identity):
        why = "the mode cannot be read, and no program be tried"
        return blocked(why, by=["runtime.privileges"])
    look = ByHand(
        "As root: mount -t securityfs none /sys/kernel/security; cat /sys/kernel/security/lockdown"
    )
    return unknown("the mode cannot be read", seen=seen, fixes=[look])


@check("kernel.module-btf", title="BTF of kernel modules")
def kernel_module_btf(context: Context) -> Finding | None:
    """Whether loaded kernel modules show their BTF beside the kernel's (Linux 5.11, 36e68442d1af).

    Programs that attach by fentry to a function of a module, or read a module's structures, need
    it (CONFIG_DEBUG_INFO_BTF_MODULES). The kernel's own functions do not.
    """
    modules, directory = ReadFile("/proc/modules"), ListDirectory("/sys/kernel/btf")
    loaded, listed = context.ask(modules), context.ask(directory)
    seen = [evidence(modules, loaded), evidence(directory, listed)]
    if isinstance(loaded, NoAnswer) and loaded.absent:
        return None  # a kernel without modules
    if not isinstance(loaded, FileText) or not isinstance(listed, Names):
        if isinstance(listed, NoAnswer) and listed.absent:
            return None  # kernel.btf says so
        look = ByHand("As root: ls /sys/kernel/btf; cat /proc/modules")
        return unknown("the modules' BTF is not shown", seen=seen, fixes=[look])
    names = [line.split()[0] for line in loaded.text.splitlines() if line.strip()]
    described = [name for name in names if name in listed.names]
    if not names:
        return None
    if described:
        return passed(f"{len(described)} of {len(names)} loaded modules show theirs")
    boot = ByHand("To attach to modules, boot a kernel with CONFIG_DEBUG_INFO_BTF_MODULES=y.")
    return warned(f"none of the {len(names)} loaded modules shows it", seen=seen, fixes=[boot])
