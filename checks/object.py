"""A compiled BPF object: what it holds, and what of it this kernel cannot answer."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Evidence, Finding, NoAnswer, Stage
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, objects, tools

ELSEWHERE = (
    *("tp", "kprobe", "kretprobe", "ksyscall", "kretsyscall", "raw_tp", "raw_tp.w"),
    *("lsm", "tc", "socket"),
)
"""Kinds of attachment that other checks try, with what the section names."""

TRACEPOINTS = ("tp", "raw_tp", "raw_tp.w")
"""Kinds that are attached to what gives them less or more; the kernel looks at that there."""

LOADERS_OWN = ("uprobe", "uretprobe")
"""Kinds that are tried as well; what they attach to is a user's file, which is not looked into."""


@check("object.file", title="BPF object")
def object_file(context: Context) -> Finding | None:
    """Whether the file given with `--object` is a compiled BPF object, and what it holds.

    It is read, never loaded: ELF for BPF, its programs by their sections, its maps and types by
    its BTF. In an object without BTF (`-g` left out, or stripped by `llvm-strip` without `-g`)
    libbpf finds no maps and nothing that is declared extern.
    """
    if not context.project.object:
        return None
    question = objects.AskBpfObject(context.project.object)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, objects.BpfObject):
        what = f"{len(answer.programs)} programs, {len(answer.maps)} maps"
        if not answer.btf and not answer.needs_btf:
            return passed(f"{what}, without BTF, and nothing that needs it", seen=seen)
        if not answer.btf:
            again = [ByHand("Compile it with clang -g, and strip it with llvm-strip -g only.")]
            return failed(f"{what}, without BTF", seen=seen, fixes=again)
        return passed(f"{what}, license {answer.license or '(none)'}", seen=seen)
    if answer.reason == "refused" or answer.absent:
        make = [ByHand("Give an object that clang -g -O2 -target bpf -c made.")]
        return failed(f"no BPF object: {answer.detail}", seen=seen, fixes=make)
    look = ByHand(f"As a user who may: file {question.path}")
    return unknown(f"it cannot be read: {answer.shown()}", seen=seen, fixes=[look])


@check("object.relocations", title="CO-RE relocations", requires=("object.file",))
def object_relocations(context: Context) -> Iterator[Finding]:
    """Whether the running kernel's BTF answers each CO-RE relocation of each program.

    Each names a type, a field or an enumerator of the kernel that the program was compiled for.
    Where the running one has none of that name, libbpf makes the instruction invalid, and the
    verifier refuses the program ("invalid func unknown#195896080") unless it proves that it is
    never reached: which it does where the program asks first (bpf_core_field_exists).
    """
    found, seen = objects.object_of(context)
    for program in found.programs if found else ():
        if not found or not program.relocations:
            continue
        if found.alone:
            what = f"{program.relocations} CO-RE relocations"
            yield objects.not_compared(what, program.name, seen)
        elif not found.kernel_btf:
            yield blocked("the kernel shows no BTF", by=["kernel.btf"], about=program.name)
        else:
            yield _relocated(context, program, found.modules, seen)


def _relocated(
    context: Context, program: objects.ObjectProgram, modules: bool, seen: list[Evidence]
) -> Finding:
    """libbpf looks for a type that the kernel's own BTF has not in that of its modules."""
    lost, about = (
        [each for each in program.missing if each not in program.unreachable],
        program.name,
    )
    if lost and modules and set(lost) <= set(program.absent):
        summary = f"{'; '.join(lost)} in the kernel's own BTF; that of its modules was not read"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ONE])
    if lost and program.conditional:
        summary = f"{'; '.join(lost)}, unless what the program asks makes it do without"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ONE])
    if lost:
        guard = ByHand("Ask with bpf_core_field_exists() or the like before using it.")
        return failed("; ".join(lost), about=about, seen=seen, fixes=[guard])
    if program.needs_module_btf and not bpf.modules_are_read(context):
        return unknown(bpf.BTF_OF_MODULES, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    summary = f"{program.relocations} are answered by this kernel's BTF"
    if program.missing:
        summary += f"; what the program asks makes it do without: {'; '.join(program.missing)}"
    return passed(summary, about=about, seen=seen)


@check("object.programs", title="what its sections say", requires=("object.file",))
def object_programs(context: Context) -> Iterator[Finding]:
    """Whether it can be told if each program attaches, by the name of its section.

    What a program is loaded for, such as the function of an fentry program, is attached to for a
    moment; other checks try the rest. Some kinds of attachment are not tried by bpfdoctor, and some
    are to files or events that the loader names: only running the program tells.
    """
    found, seen = objects.object_of(context)
    for program in found.programs if found else ():
        yield _attaches(context, program, seen)


def _attaches(context: Context, program: objects.ObjectProgram, seen: list[Evidence]) -> Finding:
    about, section = program.name, program.section
    if program.kind == "usdt" and program.target:
        return _usdt(context, program, seen)
    if objects.loaded_for(program) and program.kind not in ELSEWHERE:
        return _attached(context, program, seen)
    if program.kind in LOADERS_OWN:
        elsewhere = not program.target
    else:
        elsewhere = program.kind in ELSEWHERE and (program.kind != "lsm" or bool(program.target))
    if elsewhere and program.kind in TRACEPOINTS and program.target and program.context.reads:
        return _reaching(context, program, seen)
    if elsewhere:
        return passed(f"{section}: tried by other checks", about=about, seen=seen)
    if not program.kind:
        summary = f"{section}: libbpf knows no such section; its loader must say what it is"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.ATTACH_ALL])
    summary = f"{section}: only running it tells whether it attaches"
    return unknown(summary, about=about, seen=seen, fixes=[bpf.ATTACH_ALL])


def _reaching(context: Context, program: objects.ObjectProgram, seen: list[Evidence]) -> Finding:
    """The kernel attaches no program that reads beyond what the tracepoint gives it."""
    about, size = program.name, max(sum(each) for each in program.context.reads)
    plain, reading = (
        bpf.trial_of(objects.target_of(program)),
        bpf.trial_of(objects.target_of(program), reads=size),
    )
    first = context.ask(plain.question) if plain else None
    if reading is None or not isinstance(first, bpf.Attempt) or not first.worked:
        return passed(f"{program.section}: tried by other checks", about=about, seen=seen)
    what = f"{program.section}, of which it reads {size} bytes"
    answer = context.ask(reading.question)
    if isinstance(answer, bpf.Attempt) and answer.error in ("EACCES", "EINVAL"):
        seen = [*seen, evidence(reading.question, answer)]
        shorter = ByHand("Read what this kernel's tracepoint has: its format is in tracefs.")
        return failed(f"{what}: it has less here", about=about, seen=seen, fixes=[shorter])
    return bpf.probed(context, reading.question, what, about=about)


def _attached(context: Context, program: objects.ObjectProgram, seen: list[Evidence]) -> Finding:
    """Attaching to its target, for a moment, a program that does nothing."""
    about, section, target = program.name, program.section, objects.target_of(program)
    trial, by = (
        bpf.trial_of(target),
        bpf.of_the_kernel(context, program.name, Stage.LOAD, Stage.ATTACH),
    )
    first = context.ask(trial.first) if trial else None
    if trial is not None and isinstance(first, NoAnswer):
        return bpf.probed(context, trial.first, section, about=about)
    if trial is None or not isinstance(first, bpf.Attempt) or not first.worked:
        return blocked(f"{section}: not tried", by=by, about=about)
    answer = context.ask(trial.question)
    if isinstance(answer, bpf.Attempt) and not answer.loaded:
        return blocked(f"{section}: not loaded", by=by, about=about)
    if program.kind == "iter" and isinstance(answer, bpf.Attempt) and not answer.worked:
        summary = f"{section}: its loader must say what to walk through ({answer.error})"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ONE])
    fixes, means = [bpf.OTHER_TARGET], trial.means
    return bpf.probed(context, trial.question, section, about=about, means=means, fixes=fixes)


def _usdt(context: Context, program: objects.ObjectProgram, seen: list[Evidence]) -> Finding:
    """`path:provider:name`: the file's notes say whether it carries the probe."""
    path, _, probe = program.target.partition(":")
    libc = context.ask(tools.AskLibc()) if path.startswith("libc.so") else None
    if isinstance(libc, tools.Libc):
        path = libc.cached or libc.mapped
    question = objects.AskUsdt(path if path.startswith("/") else f"/{path}")
    answer = context.ask(question)
    seen = [*seen, evidence(question, answer)]
    if isinstance(answer, objects.UsdtProbes) and question.path != f"/{path}":
        if probe in answer.probes:
            return passed(f"{path} carries {probe}", about=program.name, seen=seen)
        other = [ByHand("Attach to a library or executable that was built with this probe.")]
        return failed(f"{path} has no {probe}", about=program.name, seen=seen, fixes=other)
    look = [ByHand(question.command())]
    summary = f"whether {path} carries {probe} is not known"
    return unknown(summary, about=program.name, seen=seen, fixes=look)
