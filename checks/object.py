"""A compiled BPF object: what it holds, and what of it this kernel cannot answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Finding, NoAnswer, Stage
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, kernel, objects, tools

ELSEWHERE = (
    *("tp", "kprobe", "kretprobe", "ksyscall", "kretsyscall", "raw_tp", "raw_tp.w"),
    *("lsm", "tc", "socket"),
)
"""Kinds of attachment that other checks try, with what the section names."""

TRACEPOINTS = ("tp", "raw_tp", "raw_tp.w")
"""Kinds that are attached to what gives them less or more; the kernel looks at that there."""

BROUGHT = "the kernel shows no BTF; whether its loader brings what is needed is not known"
RUN_IT = ByHand("Run the program: only its loader knows whether it has types of this kernel.")

NAMED = ByHand("Use arrays in place of pointers (char names[2][8]), or data that has a name.")

AFTER_BUILD = ByHand("bpfdoctor check builds it, and judges what was built.")

ITSELF = "/proc/self/exe"
"""A program that attaches to a function of its own executable has that function."""

LOADERS_OWN = ("uprobe", "uretprobe")
"""Kinds that are tried as well; what they attach to is a user's file, which is not looked into."""


@check("object.file", title="BPF object")
def object_file(context: Context) -> Iterator[Finding]:
    """Whether what a compiled BPF object holds is known, and where that comes from.

    It is the file given with `--object`; in a checkout, the object that the build made, or the one
    that the program's own source compiles to, or, where there is no compiler, that of a known
    commit whose source is the same.

    It is read, never loaded: ELF for BPF, its programs by their sections, its maps and types by
    its BTF. In an object without BTF (`-g` left out, or stripped by `llvm-strip` without `-g`)
    libbpf finds no maps and nothing that is declared extern. A libbpf older than the compiler may
    not read the BTF that it writes (DECL_TAG and TYPE_TAG take libbpf 0.6, ENUM64 1.0); before 0.6
    it knows no section of strings (.rodata.str1.1, of `"a string"` in code). Where a makefile
    links with `bpftool gen object`, global data may not hold the address of a string.
    """
    for judged in context.project.judged:
        yield _too_new(context, judged) or _held(judged)


def _too_new(context: Context, judged: objects.JudgedObject) -> Finding | None:
    """The finding on what its own libbpf is too old for; None where it is not."""
    if judged.facts is None or judged.libbpf is None or judged.doubt:
        return None
    kinds, data = judged.unread_kinds, judged.unread_data
    if not kinds and not data:
        return None
    linked = tools.LinkedLibbpf(context)
    what = f"its BTF holds {', '.join(kinds)}" if kinds else f"it refers to {', '.join(data)}"
    summary = f"{what}, which {linked} does not read"
    seen = [*objects.evidence_of(judged), *linked.seen]
    remedy = linked.newer(kinds, tools.NAMED_DATA if data else (0, 0))
    return failed(summary, about=judged.program, seen=seen, fixes=[remedy])


def _held(judged: objects.JudgedObject) -> Finding:
    about, found, seen = judged.program, judged.facts, objects.evidence_of(judged)
    if found is None:
        return unknown(judged.said, about=about, seen=seen, fixes=[AFTER_BUILD])
    if judged.doubt:
        summary = f"{judged.said}: {judged.doubt}"
        return unknown(summary, about=about, seen=seen, fixes=[AFTER_BUILD])
    what = f"{len(found.programs)} programs, {len(found.maps)} maps"
    wrong = _refused(judged, found, what)
    if wrong is not None:
        return wrong
    if not found.btf:
        return passed(f"{what}, without BTF, and nothing that needs it", about=about, seen=seen)
    whence = f"{judged.said}: " if about else ""
    summary = f"{whence}{what}, license {found.license or '(none)'}"
    return passed(summary, about=about, seen=seen)


def _refused(judged: objects.JudgedObject, found: objects.BpfObject, what: str) -> Finding | None:
    """The finding on what libbpf, or bpftool, takes from nobody; None where it takes it."""
    about, seen = judged.program, objects.evidence_of(judged)
    if found.old_maps and judged.takes_no_old_maps:
        again = [ByHand('Define its maps in SEC(".maps").')]
        summary = 'maps in SEC("maps"), which libbpf refuses since 1.0'
        return unknown(summary, about=about, seen=seen, fixes=again)
    if judged.unlinkable:
        where = ", ".join(judged.unlinkable)
        summary = f"{where} holds addresses of strings or statics: bpftool gen object refuses it"
        return failed(summary, about=about, seen=seen, fixes=[NAMED])
    if judged.lacks_btf:
        again = [ByHand("Compile it with clang -g, and strip it with llvm-strip -g only.")]
        return failed(f"{what}, without BTF", about=about, seen=seen, fixes=again)
    return None


@check("object.relocations", title="CO-RE relocations")
def object_relocations(context: Context) -> Iterator[Finding]:
    """Whether the running kernel's BTF answers each CO-RE relocation of each program.

    Each names a type, a field or an enumerator of the kernel that the program was compiled for.
    Where the running one has none of that name, libbpf makes the instruction invalid, and the
    verifier refuses the program ("invalid func unknown#195896080") unless it proves that it is
    never reached: which it does where the program asks first (bpf_core_field_exists).
    """
    for each in objects.programs_of(context):
        if each.program.relocations:
            yield _answered(context, each)


def _answered(context: Context, each: objects.SeenProgram) -> Finding:
    found, program, about = each.of.facts, each.program, each.about
    if found.alone and each.of.judged.origin == "recorded":
        return _named(context, each)
    if found.alone:
        what = f"{program.relocations} CO-RE relocations"
        return objects.not_compared(what, about, each.of.seen)
    if not found.kernel_btf and each.of.judged.own_btf:
        return unknown(BROUGHT, about=about, seen=each.of.seen, fixes=[RUN_IT])
    if not found.kernel_btf:
        return bpf.without_btf(context, "kernel.btf", about, loads=False)
    return _relocated(context, each)


def _named(context: Context, each: objects.SeenProgram) -> Finding:
    """Of recorded facts the fields are known by name alone."""
    about, seen = each.about, each.of.seen
    lost: list[ByHand] = []
    for owner, path in each.program.fields:
        question = _question_of(owner, path)
        if question is None or owner in each.program.asks:
            continue
        answer: kernel.FieldFacts | kernel.EnumeratorFacts | NoAnswer = context.ask(question)
        if isinstance(answer, NoAnswer) and answer.absent:
            return bpf.without_btf(context, "kernel.btf", about, loads=False)
        if isinstance(answer, NoAnswer) or not answer.there:
            lost.append(ByHand(question.command()))
    if lost:
        summary = f"{len(lost)} names that it must find are not known to be in this kernel's BTF"
        return unknown(summary, about=about, seen=seen, fixes=lost[:1])
    count = len(each.program.fields)
    return passed(f"{count} names are in this kernel's BTF", about=about, seen=seen)


def _question_of(owner: str, path: str) -> kernel.Field | kernel.Enumerator | None:
    """Whether the kernel has a field (of which the first step is looked at) or an enumerator."""
    word, _, name = owner.rpartition(" ")
    first = re.split(r"[.\[]", path, maxsplit=1)[0]
    if word == "enum":
        return kernel.Enumerator(name, path)
    return kernel.Field(name, first) if word in ("struct", "union") and first else None


def _relocated(context: Context, each: objects.SeenProgram) -> Finding:
    """libbpf looks for a type that the kernel's own BTF has not in that of its modules."""
    program, about, seen, modules = each.program, each.about, each.of.seen, each.of.facts.modules
    lost = [lack for lack in program.missing if lack not in program.unreachable]
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


@check("object.programs", title="what its sections say")
def object_programs(context: Context) -> Iterator[Finding]:
    """Whether it can be told if each program attaches, by the name of its section.

    What a program is loaded for, such as the function of an fentry program, is attached to for a
    moment; other checks try the rest. Some kinds of attachment are not tried by bpfdoctor, and some
    are to files or events that the loader names: only running the program tells.
    """
    for each in objects.programs_of(context):
        yield _unknown_section(each) or _by_hand(each) or _attaches(context, each)


def _by_hand(each: objects.SeenProgram) -> Finding | None:
    """What its loader attaches to, only the loader knows."""
    if not each.part.by_hand:
        return None
    summary = f"{each.program.section}: its loader attaches it, to what only running it tells"
    return unknown(summary, about=each.about, seen=each.of.seen, fixes=[bpf.ATTACH_ALL])


def _unknown_section(each: objects.SeenProgram) -> Finding | None:
    """The libbpf that it is linked with must know the name of its section, to load it."""
    libbpf, section = each.of.judged.libbpf, each.program.section
    if libbpf is None or libbpf.knows(section) or not each.program.kind:
        return None
    newer = ByHand("Link it with a newer libbpf, or name the section as this one does.")
    summary = f"its libbpf ({libbpf.version or 'of no version'}) knows no section {section}"
    return failed(summary, about=each.about, seen=each.of.seen, fixes=[newer])


def _attaches(context: Context, each: objects.SeenProgram) -> Finding:
    program, about, seen = each.program, each.about, each.of.seen
    section = each.part.attach or program.section
    if program.kind == "usdt" and program.target:
        return _usdt(context, each)
    if objects.loaded_for(program) and program.kind not in ELSEWHERE:
        return _attached(context, each)
    elsewhere = _is_elsewhere(each)
    if elsewhere and program.kind in TRACEPOINTS and program.target and program.context.reads:
        return _reaching(context, each)
    if elsewhere:
        return passed(f"{section}: tried by other checks", about=about, seen=seen)
    if not program.kind:
        summary = f"{section}: libbpf knows no such section; its loader must say what it is"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.ATTACH_ALL])
    summary = f"{section}: only running it tells whether it attaches"
    return unknown(summary, about=about, seen=seen, fixes=[bpf.ATTACH_ALL])


def _is_elsewhere(each: objects.SeenProgram) -> bool:
    """Other checks try it: of an event that its loader opens, as the project file says, too."""
    program = each.program
    if program.kind in LOADERS_OWN:
        return not program.target or program.target.startswith(f"{ITSELF}:")
    if program.kind == "lsm":
        return bool(program.target)
    return program.kind in ELSEWHERE or each.part.attach == "perf_event"


def _reaching(context: Context, each: objects.SeenProgram) -> Finding:
    """The kernel attaches no program that reads beyond what the tracepoint gives it."""
    program, about, seen = each.program, each.about, each.of.seen
    size = max(sum(each) for each in program.context.reads)
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


def _attached(context: Context, each: objects.SeenProgram) -> Finding:
    """Attaching to its target, for a moment, a program that does nothing."""
    program, about, seen = each.program, each.about, each.of.seen
    section, trial = program.section, bpf.trial_of(objects.target_of(program))
    by = bpf.of_the_kernel(context, about, Stage.LOAD, Stage.ATTACH)
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


def _usdt(context: Context, each: objects.SeenProgram) -> Finding:
    """`path:provider:name`: the file's notes say whether it carries the probe."""
    program, about, seen = each.program, each.about, each.of.seen
    path, _, probe = program.target.partition(":")
    libc = context.ask(tools.AskLibc()) if path.startswith("libc.so") else None
    if isinstance(libc, tools.Libc):
        path = libc.cached or libc.mapped
    question = objects.AskUsdt(path if path.startswith("/") else f"/{path}")
    answer = context.ask(question)
    seen = [*seen, evidence(question, answer)]
    if isinstance(answer, objects.UsdtProbes) and question.path != f"/{path}":
        if probe in answer.probes:
            return passed(f"{path} carries {probe}", about=about, seen=seen)
        other = [ByHand("Attach to a library or executable that was built with this probe.")]
        return failed(f"{path} has no {probe}", about=about, seen=seen, fixes=other)
    look = [ByHand(question.command())]
    summary = f"whether {path} carries {probe} is not known"
    return unknown(summary, about=about, seen=seen, fixes=look)
