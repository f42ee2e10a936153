"""Whether the kernel describes its own types: the BTF, and what its configuration says of it."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Evidence, Finding, NoAnswer
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import files, kernel, machine

OPTION = "CONFIG_DEBUG_INFO_BTF"


@check("kernel.btf", title="kernel BTF", requires=("runtime.sysfs",))
def kernel_btf(context: Context) -> Finding:
    """Whether the kernel shows the BTF of its own types at /sys/kernel/btf/vmlinux.

    Programs that read kernel structures are compiled once and fitted to the running kernel's
    layout when they are loaded (CO-RE): that needs this file. fentry, LSM and iterator programs
    name their target by a type id from it. It is there since Linux 5.4 (commit 341dfcf8d78e) where
    the kernel was built with CONFIG_DEBUG_INFO_BTF=y.

    The file is read whole: header, section bounds and every type. Where it is missing, install a
    kernel of your distribution that has it; libbpf also finds it in an uncompressed kernel image,
    such as /boot/vmlinux-RELEASE.
    """
    question = kernel.Btf()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, kernel.BtfFacts):
        return _judged(answer, seen)
    if not answer.absent:
        again = ByHand(f"As root: bpftool btf dump file {question.path} | head -1")
        return unknown(f"{question.path}: {answer.reason}", seen=seen, fixes=[again])
    return _missing(context, seen)


def _judged(facts: kernel.BtfFacts, seen: list[Evidence]) -> Finding:
    by_hand = [ByHand("Ask whoever runs this machine or container what is mounted over /sys.")]
    if facts.wrong:
        return failed(f"{kernel.Btf().path} is not BTF: {facts.wrong}", seen=seen, fixes=by_hand)
    size = f"{facts.types:,} types, {facts.size:,} bytes, {facts.endianness} endian"
    if not facts.kernel or not facts.native:
        return failed(f"not the BTF of this kernel: {size}", seen=seen, fixes=by_hand)
    if facts.path != kernel.Btf().path:
        here = ByHand(
            "libbpf finds it there; fentry, LSM and iterator programs need the kernel's own."
        )
        return warned(f"not in /sys, but in {facts.path}: {size}", seen=seen, fixes=[here])
    return passed(size, seen=seen)


def _missing(context: Context, seen: list[Evidence]) -> Finding:
    """A kernel without BTF has no directory for it either: one without vmlinux is masked."""
    option, directory = kernel.Option(OPTION), files.List("/sys/kernel/btf")
    built, listed = context.ask(option), context.ask(directory)
    seen = [*seen, evidence(option, built), evidence(directory, listed)]
    said = (
        f" ({OPTION}={built.value} in {built.path})"
        if isinstance(built, kernel.KernelOption)
        else ""
    )
    if isinstance(listed, files.Names):
        where = files.AskFileSystem(directory.path)
        system = context.ask(where)
        magic = f"{system.magic:#x}" if isinstance(system, files.FileSystem) else system.reason
        return failed(
            f"/sys/kernel/btf is there without vmlinux{said}: something is mounted over it",
            seen=[*seen, evidence(where, system)],
            fixes=[ByHand(f"{MASKED} (superblock magic {magic}; sysfs is 0x62656572)")],
        )
    return failed(f"no /sys/kernel/btf/vmlinux{said}", seen=seen, fixes=[_kernel_with_btf(context)])


MASKED = (
    "Unmount what covers it (umount /sys/kernel/btf), or start the container with "
    "-v /sys/kernel/btf:/sys/kernel/btf:ro"
)

_WITH_BTF = {
    "debian": "linux-image-amd64 or -arm64 of Debian 11 or newer (-riscv64 from 13)",
    "ubuntu": "linux-image-generic of Ubuntu 20.10 or newer",
    "fedora": "the kernel package of Fedora 31 or newer",
    "rhel": "the kernel package of RHEL 8.2 or newer",
    "centos": "the kernel package of CentOS Stream 8 or newer",
    "arch": "linux 5.7.1.arch1 or newer",
    "alpine": "linux-virt (6.6 or newer is known to have it)",
    "raspbian": "none of Raspberry Pi OS's own; Debian's linux-image-arm64 has it",
    "manjaro": "any kernel from 5.4 on that was built after 2021-06-18",
    "azurelinux": "the kernel package",
    "mariner": "the kernel package of CBL-Mariner 2.0 or newer",
}
"""By os-release id: libbpf's README, and the kernel configurations of those distributions."""


def _kernel_with_btf(context: Context) -> ByHand:
    running, answer = context.ask(kernel.AskKernel()), context.ask(machine.AskDistribution())
    if isinstance(running, kernel.Kernel) and "microsoft" in running.release.lower():
        return ByHand("In Windows: wsl --update (WSL2's kernel has BTF since 5.10.74.3)")
    general = f"a kernel built with {OPTION}=y (Linux 5.4 or newer, with pahole installed)"
    ids = (answer.id, *answer.like) if isinstance(answer, machine.Distribution) else ()
    package = next((_WITH_BTF[name] for name in ids if name in _WITH_BTF), "")
    return ByHand("Install and boot " + (f"{package}, or {general}" if package else general))


@check("kernel.config-btf", title=OPTION)
def kernel_config_btf(context: Context) -> Finding:
    """What the kernel's configuration says of CONFIG_DEBUG_INFO_BTF.

    The option is a witness: the BTF itself (`kernel.btf`) is what programs need. Where both say
    the same, nothing is to be done. Where they contradict each other, one of them is not this
    kernel's: a container that hides parts of /sys, or a configuration file left by another build.

    It is read from /proc/config.gz, /boot/config-RELEASE, /lib/modules/RELEASE/config or
    /usr/lib/modules/RELEASE/config, the kernel's own word first.
    """
    option, question = kernel.Option(OPTION), kernel.Btf()
    built, answer = context.ask(option), context.ask(question)
    seen = [evidence(option, built), evidence(question, answer)]
    sound = isinstance(answer, kernel.BtfFacts) and answer.kernel and answer.path == question.path
    missing = answer.absent if isinstance(answer, NoAnswer) else not sound
    if isinstance(built, NoAnswer):
        return _unread(built, sound, seen)
    said = f"{OPTION}={built.value} in {built.path}"
    if sound and built.value != "y":
        summary = f"{said}, but {question.path} proves BTF"
        return warned(summary, seen=seen, fixes=[_stale(context, built)])
    if missing and built.value == "y":
        summary = f"{said}, but {question.path} is not there"
        return warned(summary, seen=seen, fixes=[_stale(context, built)])
    if isinstance(answer, kernel.BtfFacts) and answer.kernel and answer.path != question.path:
        return passed(f"{said}; the image {answer.path} has it", seen=seen)
    if missing:
        return blocked(f"{said}: kernel.btf says what follows", by=["kernel.btf"])
    return passed(said, seen=seen) if built.value == "y" else unknown(said, seen=seen)


def _unread(built: NoAnswer, sound: bool, seen: list[Evidence]) -> Finding:
    if sound:
        return passed(f"no readable configuration; {kernel.Btf().path} proves it", seen=seen)
    look = ByHand(f"As root: zgrep {OPTION} /proc/config.gz /boot/config-$(uname -r)")
    return unknown(f"no readable kernel configuration: {built.reason}", seen=seen, fixes=[look])


def _stale(context: Context, built: kernel.KernelOption) -> ByHand:
    """The likely reason of a contradiction."""
    running = context.ask(kernel.AskKernel())
    here = kernel.version(running.release) if isinstance(running, kernel.Kernel) else (0, 0)
    if built.version and here > (0, 0) and kernel.version(built.version) != here:
        return ByHand(
            f"{built.path} is of Linux {built.version}, which is not the kernel that runs."
        )
    if built.path == "/proc/config.gz":
        return ByHand(f"Likely something hides part of /sys or /proc here. {MASKED}.")
    return ByHand(
        f"Likely {built.path} is of another build of this kernel, or /sys is masked here."
    )
