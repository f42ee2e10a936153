"""What the project's programs name in the kernel: does the running one have it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from bpfdoctor.api import ByHand, Context, Finding, NoAnswer, Status
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, files, kernel, privilege

RENAMED = {"do_unlinkat": ("filename_unlinkat", "7.0")}
"""Functions that examples attach to and that a release renamed: the new name, and since when.

Seen in the BTF of Debian's kernels: do_unlinkat is in 6.19, filename_unlinkat in 7.0.4.
"""

PROBED = ("sched", "syscalls")
"""Categories of tracepoints that kernel.tracepoints attaches to: it says where one is missing."""

RAW = "kernel.program-types[raw_tracepoint]"
"""What says whether programs of raw tracepoints load, for an object that has any."""

WRITABLE = "kernel.program-types[raw_tracepoint_writable]"
"""The same for those that may write."""

MOST_PARAMETERS = 12
"""MAX_BPF_FUNC_ARGS of include/linux/bpf.h: a trampoline passes no more (Linux 5.5)."""


@check("kernel.targets", title="what the programs attach to")
def kernel_targets(context: Context) -> Iterator[Finding]:
    """Whether the kernel has each function and tracepoint that the project's programs name.

    Kernel functions are no interface: they are renamed, inlined and removed. `do_unlinkat`, which
    the examples kprobe and fentry of libbpf-bootstrap name, is `filename_unlinkat` from Linux 7.0
    on: they fail there on a healthy machine. Change the name in the program's SEC(), or take one
    that the kernel has (`grep -w NAME /proc/kallsyms`).

    A kprobe's function is looked up among the kernel's symbols, as the kernel will; that of an
    fentry, LSM or iterator program in its BTF; a tracepoint in tracefs. Where several functions
    have the name, the kernel refuses a kprobe since 6.7 (commit b022f0c7e404, also in older
    releases' updates).

    A program that does nothing is attached there for a moment, or loaded for it: some functions
    take no kprobe (those that the kernel needs for one), and some no trampoline.
    """
    for target in context.project.targets():
        kind, _, name = target.partition("/")
        judge = _JUDGES.get(kind.removesuffix(".s"))
        if judge is not None:
            yield judge(context, target, name)


def _kprobe(context: Context, target: str, function: str) -> Finding:
    place = bpf.kprobe_place(function)
    if place is None:
        name_one = ByHand("Name a function in the program's SEC().")
        summary = f"libbpf reads no name of a function in {function}"
        return failed(summary, about=target, fixes=[name_one])
    if target.startswith("kretprobe/") and place.offset:
        without = ByHand("Leave the offset out of the program's SEC().")
        return failed("libbpf takes no offset for a return", about=target, fixes=[without])
    found, _ = _among_symbols(context, target, (place.function,))
    return bpf.tried(context, found, target)


def _ksyscall(context: Context, target: str, call: str) -> Finding:
    """libbpf takes the architecture's wrapper where there is one (Linux 4.17), else __se_sys_…."""
    running = context.ask(kernel.AskKernel())
    wrapper = _WRAPPERS.get(running.architecture, "") if isinstance(running, kernel.Kernel) else ""
    names = (f"__{wrapper}_sys_{call}",) if wrapper else ()
    plain = f"sys_{call}"
    found, function = _among_symbols(context, target, (*names, f"__se_sys_{call}", plain))
    if found.status is Status.PASS and function == plain:
        summary = f"libbpf looks for __se_sys_{call}; this kernel has {plain} alone"
        fix = ByHand(f'Write SEC("kprobe/{plain}").')
        return failed(summary, about=target, seen=found.evidence, fixes=[fix])
    return bpf.tried(context, found, target, function)


_WRAPPERS = {
    "aarch64": "arm64",
    "ppc64": "powerpc",
    "ppc64le": "powerpc",
    "riscv64": "riscv",
    "s390x": "s390x",
    "x86_64": "x64",
}
"""As in libbpf's arch_specific_syscall_pfx, by uname's name of the architecture."""


def _among_symbols(context: Context, target: str, names: tuple[str, ...]) -> tuple[Finding, str]:
    """The finding, and the first of these functions that is there (empty: none that is known)."""
    new_names = tuple(RENAMED[name][0] for name in names if name in RENAMED)
    question = kernel.AskSymbols(names + new_names)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, kernel.Symbols):
        return _tried_without_symbols(context, target, names, question, answer)
    found = next((name for name in names if name in answer.present), "")
    if found:
        return passed(f"function {found}", about=target, seen=seen), found
    wanted = names[-1]
    advice = [_rename(wanted, wanted in RENAMED and RENAMED[wanted][0] in answer.present)]
    summary = f"this kernel has no function {wanted}"
    return failed(summary, about=target, seen=seen, fixes=advice), ""


def _tried_without_symbols(
    context: Context,
    target: str,
    names: tuple[str, ...],
    question: kernel.AskSymbols,
    why: NoAnswer,
) -> tuple[Finding, str]:
    """What the kernel says to a kprobe on each of these functions, where it shows no names."""
    seen = [evidence(question, why)]
    for name in names:
        trial = bpf.trial_of(target, name)
        if trial is None or not bpf.able(context, trial):
            break
        answer = context.ask(trial.question)
        if not isinstance(answer, bpf.Attempt) or answer.error != "ENOENT":
            what, fixes = f"function {name}", [bpf.OTHER_TARGET]
            found = bpf.probed(
                context, trial.question, what, about=target, means=trial.means, fixes=fixes
            )
            return msgspec.structs.replace(found, evidence=(*seen, *found.evidence)), name
        seen.append(evidence(trial.question, answer))
    else:
        summary = f"this kernel has no function {names[-1]}"
        fixes = [_rename(names[-1], False)]
        return failed(summary, about=target, seen=seen, fixes=fixes), ""
    look = ByHand(f"As root: {question.command()}")
    summary = f"the kernel's symbols cannot be read: {why.reason}"
    return unknown(summary, about=target, seen=seen, fixes=[look]), ""


def _rename(function: str, has_new_name: bool) -> ByHand:
    if has_new_name:
        name, release = RENAMED[function]
        return ByHand(f"Linux {release} renamed it: in the program's SEC(), write {name}.")
    return ByHand(
        f"Name another function in the program's SEC(): {function} is not in this kernel."
    )


def _trampoline(context: Context, target: str, function: str) -> Finding:
    found, answer = _in_btf(context, target, function), context.ask(kernel.Function(function))
    if isinstance(answer, kernel.FunctionFacts) and answer.variadic:
        summary = f"{function} takes any number of parameters, which no trampoline can pass on"
        fixes = [_rename(function, False)]
        return failed(summary, about=target, seen=found.evidence, fixes=fixes)
    return bpf.tried(context, found, target)


def _lsm(context: Context, target: str, hook: str) -> Finding:
    """Without CONFIG_BPF_LSM there is no such hook at all, which is kernel.lsm's to say."""
    if _has_function(context, "bpf_lsm_file_open") is False:
        return blocked(
            "this kernel has no LSM hooks for BPF", by=["kernel.lsm[load]"], about=target
        )
    return bpf.tried(context, _in_btf(context, target, f"bpf_lsm_{hook}"), target)


def _iterator(context: Context, target: str, what: str) -> Finding:
    if _has_function(context, "bpf_iter_task") is False:
        return blocked("this kernel has no iterators", by=["kernel.iterators[load]"], about=target)
    return bpf.tried(context, _in_btf(context, target, f"bpf_iter_{what}"), target)


def _has_function(context: Context, function: str) -> bool | None:
    answer = context.ask(kernel.Function(function))
    return answer.id is not None if isinstance(answer, kernel.FunctionFacts) else None


def _in_btf(context: Context, target: str, function: str) -> Finding:
    question = kernel.Function(function)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, kernel.FunctionFacts):
        if answer.absent or answer.reason == "broken":
            return bpf.without_btf(context, "kernel.btf", target)
        look = ByHand(f"As root: {question.command()}")
        summary = f"the kernel's BTF cannot be read: {answer.reason}"
        return unknown(summary, about=target, seen=seen, fixes=[look])
    if answer.id is None and _may_be_a_modules(context, function):
        name = function.rpartition(":")[2]
        look = ByHand(f"grep -w {name} /proc/kallsyms names its module: does its BTF have it?")
        summary = f"the kernel's own BTF has no function {name}; that of its modules was not read"
        return unknown(summary, about=target, seen=seen, fixes=[look])
    if answer.id is None:
        new_name = RENAMED.get(function, ("",))[0]
        advice = _rename(function, bool(new_name and _has_function(context, new_name)))
        summary = f"this kernel's BTF has no function {function}"
        return failed(summary, about=target, seen=seen, fixes=[advice])
    if answer.parameters > MOST_PARAMETERS:
        summary = f"{function} has {answer.parameters} parameters, {MOST_PARAMETERS} is the most"
        return failed(summary, about=target, seen=seen, fixes=[_rename(function, False)])
    return passed(f"function {function}", about=target, seen=seen)


def _may_be_a_modules(context: Context, name: str) -> bool:
    """libbpf looks for functions in the BTF of modules as well, for MODULE:NAME in one alone."""
    module, _, function = name.rpartition(":")
    symbols = context.ask(kernel.AskSymbols((function,)))
    if isinstance(symbols, kernel.Symbols) and not symbols.present:
        return False
    modules = _modules_with_btf(context, otherwise=module)
    return module in modules if module else bool(modules)


def _modules_with_btf(context: Context, otherwise: str = "any") -> set[str]:
    """The modules that show BTF (Linux 5.11, commit 36e68442d1af)."""
    listed = context.ask(files.List("/sys/kernel/btf"))
    return set(listed.names) - {"vmlinux"} if isinstance(listed, files.Names) else {otherwise}


def _raw_tracepoint(context: Context, target: str, name: str) -> Finding:
    """tracefs does not list all of them: it is attached to, by its name or by its BTF."""
    trial = bpf.trial_of(target)
    assert trial is not None
    if not bpf.able(context, trial):
        by = WRITABLE if target.startswith("raw_tp.w/") else RAW
        return blocked("no program of a raw tracepoint loads", by=[by], about=target)
    answer = context.ask(trial.question)
    seen = [evidence(trial.question, answer)]
    if isinstance(answer, NoAnswer) and answer.absent:
        return bpf.without_btf(context, "kernel.btf", target)
    elsewhere = trial.loading and isinstance(answer, bpf.Attempt) and answer.error == "ENOENT"
    if elsewhere and _modules_with_btf(context):
        summary = f"the kernel's own BTF has no tracepoint {name}; that of its modules was not read"
        return unknown(summary, about=target, seen=seen, fixes=[bpf.LOAD_ALL])
    missing = {"ENOENT": "this kernel has no such tracepoint"}
    found = f"tracepoint {name}"
    return bpf.probed(
        context, trial.question, found, about=target, means=missing, fixes=[bpf.OTHER_TARGET]
    )


def _tracepoint(context: Context, target: str, path: str) -> Finding:
    category, _, name = path.partition("/")
    question = kernel.Tracepoint(category, name)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, kernel.TracepointFacts):
        summary = f"its id in tracefs cannot be read: {answer.reason}"
        if (answer.absent or answer.reason in privilege.REFUSED) and not _reads_tracefs(context):
            return blocked(summary, by=["runtime.tracefs"], about=target)
        look = ByHand(f"As root: cat {question.source()}")
        return unknown(summary, about=target, seen=seen, fixes=[look])
    if answer.id is not None:
        return bpf.tried(context, passed(f"tracepoint {path}", about=target, seen=seen), target)
    if not answer.category and category in PROBED:
        summary = f"this kernel has no tracepoints {category}/*"
        return blocked(summary, by=[f"kernel.tracepoints[{category}]"], about=target)
    advice = ByHand(f"Name another in the program's SEC(); ls {category}/ in tracefs lists them.")
    summary = f"this kernel has no tracepoint {path}"
    return failed(summary, about=target, seen=seen, fixes=[advice])


def _reads_tracefs(context: Context) -> bool:
    """Whether runtime.tracefs passes: then it is no cause."""
    answer = context.ask(kernel.AskTracefs())
    return isinstance(answer, kernel.Tracefs) and bool(answer.readable)


_JUDGES: dict[str, Callable[[Context, str, str], Finding]] = {
    "kprobe": _kprobe,
    "kretprobe": _kprobe,
    "ksyscall": _ksyscall,
    "kretsyscall": _ksyscall,
    "fentry": _trampoline,
    "fexit": _trampoline,
    "fmod_ret": _trampoline,
    "lsm": _lsm,
    "iter": _iterator,
    "tp": _tracepoint,
    "raw_tp": _raw_tracepoint,
    "raw_tp.w": _raw_tracepoint,
    "tp_btf": _raw_tracepoint,
}
"""By what comes before the first slash in SEC()."""
