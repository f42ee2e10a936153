"""How the running kernel is set: the JIT, lockdown, the BTF of its modules."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Evidence, Finding, NoAnswer, Run
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import bpf, files, kernel, machine, privilege


@check("kernel.jit", title="BPF just-in-time compiler")
def kernel_jit(context: Context) -> Finding:
    """Whether BPF programs are compiled to machine code, or interpreted.

    fentry, fexit and LSM programs need the compiler: the kernel calls them through a trampoline
    that only it makes (Linux 5.5, commit fec56f5890d9). Others run without it, and slower.
    It is switched by the sysctl net.core.bpf_jit_enable, unless the kernel was built with
    CONFIG_BPF_JIT_ALWAYS_ON.
    """
    question = files.Read("/proc/sys/net/core/bpf_jit_enable")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, files.Text) and answer.text.strip() in ("1", "2"):
        return passed(f"on (net.core.bpf_jit_enable = {answer.text.strip()})", seen=seen)
    if isinstance(answer, files.Text) and answer.text.strip() == "0":
        turn = ("sysctl", "-w", "net.core.bpf_jit_enable=1")
        back = ("sysctl", "-w", "net.core.bpf_jit_enable=0")
        fix = Run(turn, privileged=True, undo=back, text="Until the next boot.")
        return warned("off (net.core.bpf_jit_enable = 0)", seen=seen, fixes=[fix])
    return _built_jit(context, seen)


def _built_jit(context: Context, seen: list[Evidence]) -> Finding:
    """The sysctl is the initial network namespace's alone: elsewhere the configuration says."""
    for name, value in (("CONFIG_BPF_JIT_ALWAYS_ON", "y"), ("CONFIG_BPF_JIT", "n")):
        option = kernel.Option(name)
        answer = context.ask(option)
        seen = [*seen, evidence(option, answer)]
        if isinstance(answer, kernel.KernelOption) and answer.value == value:
            said = f"{name}={value} in {answer.path}"
            boot = [ByHand("Boot a kernel built with CONFIG_BPF_JIT=y.")]
            return passed(said, seen=seen) if value == "y" else warned(said, seen=seen, fixes=boot)
    look = ByHand("In the initial network namespace: sysctl net.core.bpf_jit_enable")
    return unknown("whether the JIT is on is not shown here", seen=seen, fixes=[look])


READS = bpf.Helper("tracepoint", "probe_read_kernel")
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
    question = kernel.SecurityFile("lockdown")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, files.Text) and kernel.lockdown_mode(answer.text):
        mode = kernel.lockdown_mode(answer.text)
        if mode != "confidentiality":
            return passed(mode, seen=seen)
        boot = ByHand(
            "Boot without lockdown=confidentiality (see /proc/cmdline, Secure Boot).",
            boot_without="lockdown=confidentiality",
        )
        return failed("confidentiality: kprobes and reads are refused", seen=seen, fixes=[boot])
    if isinstance(answer, NoAnswer) and answer.absent:
        return passed("this kernel has none", seen=seen)
    return _unread_lockdown(context, seen)


def _unread_lockdown(context: Context, seen: list[Evidence]) -> Finding:
    """The mode is hidden: the configuration may say, or what a program is allowed to call."""
    option = kernel.Option("CONFIG_SECURITY_LOCKDOWN_LSM")
    built = context.ask(option)
    if isinstance(built, kernel.KernelOption) and built.value == "n":
        return passed(f"not built in ({built.path})")
    reads = context.ask(READS)
    if isinstance(reads, bpf.Attempt) and reads.worked:
        return passed("not confidentiality: bpf_probe_read_kernel is allowed", seen=seen)
    identity = context.ask(machine.AskIdentity())
    refused = isinstance(reads, bpf.Attempt) and reads.error in privilege.REFUSED
    if refused and isinstance(identity, machine.Identity) and not privilege.may_load(identity):
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
    modules, directory = files.Read("/proc/modules"), files.List("/sys/kernel/btf")
    loaded, listed = context.ask(modules), context.ask(directory)
    seen = [evidence(modules, loaded), evidence(directory, listed)]
    if isinstance(loaded, NoAnswer) and loaded.absent:
        return None  # a kernel without modules
    if not isinstance(loaded, files.Text) or not isinstance(listed, files.Names):
        if isinstance(listed, NoAnswer) and listed.absent:
            return None  # kernel.btf says so
        look = ByHand("As root: ls /sys/kernel/btf; cat /proc/modules")
        return unknown("the modules' BTF is not shown", seen=seen, fixes=[look])
    names = [line.split()[0] for line in loaded.text.splitlines() if line.strip()]
    described = [name for name in names if name in listed.names]
    if not names:
        return None
    if described:
        return passed(f"{len(described)} of {len(names)} loaded modules show theirs", seen=seen)
    boot = ByHand("To attach to modules, boot a kernel with CONFIG_DEBUG_INFO_BTF_MODULES=y.")
    return warned(f"none of the {len(names)} loaded modules shows it", seen=seen, fixes=[boot])
