"""The compilers: clang for BPF code, and the C compiler for the program around it."""

from __future__ import annotations

import msgspec

from bpfdoctor.api import ByHand, Context, Finding, Install, NoAnswer, Project, Status
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import tools

CORE_CLANG = "11"
"""The oldest clang that libbpf-bootstrap's CO-RE programs are known to be built with."""


def _uses_clang(project: Project) -> bool:
    return project.kind.build is None or "CLANG" in project.tools


def _clang(context: Context) -> tools.ToolChoice:
    return tools.chosen_clang(context.host, context.project.kind.clang, context.project.tools)


@check("toolchain.clang", title="clang", applies=_uses_clang, excused_by=("toolchain.environment",))
def clang(context: Context) -> Finding:
    """The clang that the project's makefile would run is there, runs, and is new enough.

    That is what the makefile sets CLANG to; where it leaves that to the environment, `$CLANG`, else
    `clang` on PATH. BPF code cannot be compiled without it: clang 10 is the oldest that libbpf
    projects can use, and a project may ask for a newer one. Where that clang is missing or unfit
    and another one works (`clang-16`, `/usr/lib/llvm-16/bin/clang`), this fails with the
    `make CLANG=…` that uses it, and everything after judges that one. What to do: install clang, or
    name a good one in CLANG.
    """
    chosen = _clang(context)
    name, version = chosen.default.words, chosen.version
    told = f"clang {version}" if name == "clang" else f"{name} is clang {version}"
    if chosen.fit and chosen.is_default and not version:
        return warned(f"{name} compiles BPF; its version cannot be read", seen=chosen.seen)
    if not chosen.fit and chosen.default.state == "no-bpf":
        return passed(told, seen=chosen.seen)
    old = chosen.default.state == "old"
    wanted = f"clang>={context.project.kind.clang}" if old else "clang"
    return tools.verdict_on(chosen, told, wanted)


@check(
    "toolchain.clang-bpf",
    title="clang emits BPF",
    requires=("toolchain.clang",),
    applies=_uses_clang,
    excused_by=("toolchain.environment",),
)
def clang_bpf(context: Context) -> Finding:
    """Clang compiles a small program to BPF machine code, with BTF beside it.

    Some builds of clang leave the BPF back end out; they run well and answer "No available
    targets are compatible". The object is read, not only the exit status: its machine is BPF and
    it has a `.BTF` section. What to do: install the distribution's clang, or name another one in
    CLANG.
    """
    chosen = _clang(context)
    if not chosen.argv:
        return blocked("there is no clang to try", ["toolchain.clang"])
    question = tools.compile_bpf(chosen.argv)
    answer = context.ask(question)
    name, seen = chosen.used.words, [evidence(question, answer)]
    if tools.emits_bpf(answer):
        return passed(f"{name} emits BPF machine code and .BTF", seen=seen)
    if isinstance(answer, NoAnswer):
        return _did_not_compile(chosen, answer)
    why = "no BTF" if answer.ok and _machine(answer) == "EM_BPF" else tools.first_error(answer.log)
    fixes = [Install(("clang",))]
    return failed(f"{name} does not emit BPF: {why or answer.shown()}", seen=seen, fixes=fixes)


@check(
    "toolchain.clang-core",
    title="clang emits CO-RE",
    requires=("toolchain.clang-bpf",),
    applies=_uses_clang,
    excused_by=("toolchain.environment",),
)
def clang_core(context: Context) -> Finding:
    """Clang writes CO-RE relocations: what lets one object run on kernels of other layouts.

    A program that reads a field of a structure marked `preserve_access_index` is compiled, and
    the relocations in the object's `.BTF.ext` are counted. Clang 11 is the oldest that such
    programs are known to be built with. What to do: install clang 11 or newer.
    """
    chosen = _clang(context)
    if not chosen.argv:
        return blocked("there is no clang to try", ["toolchain.clang"])
    question = tools.compile_bpf(chosen.argv)
    answer = context.ask(question)
    name, seen = chosen.used.words, [evidence(question, answer)]
    fixes = [Install((f"clang>={CORE_CLANG}",))]
    if isinstance(answer, NoAnswer):
        return _did_not_compile(chosen, answer)
    count = answer.object.relocations if answer.ok and answer.object else 0
    if count == 0:
        return failed(f"{name} writes no CO-RE relocation", seen=seen, fixes=fixes)
    if chosen.version and tools.older(chosen.version, CORE_CLANG):
        summary = f"{name} {chosen.version} writes a CO-RE relocation; {CORE_CLANG} is known to do"
        return warned(summary, seen=seen, fixes=fixes)
    return passed(f"{name} writes CO-RE relocations ({count} seen)", seen=seen)


@check(
    "toolchain.cc",
    title="C compiler",
    applies=lambda project: "CC" in project.tools,
    excused_by=("toolchain.environment",),
)
def cc(context: Context) -> Finding:
    """Each C compiler that make would run compiles, links and makes what runs.

    That is what the makefile sets CC to, else `$CC`, else `cc` (today behind `$CROSS_COMPILE`), for
    the program around the BPF code and for libbpf; where the build makes a bpftool of its own, also
    `$HOSTCC`, else `gcc`. A compiler without the C library's headers and start-up files is there
    and useless: that is told apart from a missing compiler.
    Programs that do not run are held against a compiler, except where CC makes them for another
    machine or CROSS_COMPILE is set: then it is a cross build, and this warns.
    Where one of them is missing or unfit and another works (`gcc-12`), this fails with the
    `make CC=… HOSTCC=…` that uses it. What to do: install a C compiler, or the C library's
    development package.
    """
    chosen = tools.chosen_compilers(context.host, context.project.tools)
    names = list(dict.fromkeys(each.used.words for each in chosen))
    verb = "compile, link and make" if names[1:] else "compiles, links and makes"
    summary = f"{' and '.join(names)} {verb} a program that runs"
    verdict = tools.verdict_on_all(chosen, summary, "cc")
    find = _unrun if verdict.status is Status.PASS else _lacking
    more = (found for each in chosen if (found := find(context, each, verdict)))
    return next(more, verdict)


def _lacking(context: Context, chosen: tools.ToolChoice, verdict: Finding) -> Finding | None:
    """The verdict on a compiler that works but for a file of another package."""
    answer = context.ask(tools.compile_c(chosen.default.argv)) if chosen.default.argv else None
    if not isinstance(answer, tools.Compiled):
        return None
    said = _said(answer)
    if answer.ok and not said:
        said = _without_libc(context, chosen.default.argv)
    lost = tools.lost_in(context.host, said)
    if lost is None or lost.fix.capabilities == ("cc",):
        return None
    name = chosen.default.words
    bad = f"{lost.name} is missing or broken: {tools.first_error(said)}"
    summary = f"{name} works, but {bad}"
    others = [fix for fix in verdict.fixes if isinstance(fix, ByHand)]
    seen = (*verdict.evidence, *lost.seen)
    return msgspec.structs.replace(
        verdict, summary=summary, evidence=seen, fixes=(lost.fix, *others)
    )


def _without_libc(context: Context, cc: tuple[str, ...]) -> str:
    """What a linker would say that took libc.a in place of a missing libc.so, and said nothing.

    The program that comes of it needs a loader and is killed when it starts.
    """
    answer = context.ask(tools.RunCommand((*cc, "-print-file-name=libc.so"), cwd="/"))
    gone = isinstance(answer, tools.Completed) and answer.stdout.strip() == "libc.so"
    return "error: cannot find -lc" if gone else ""


def _said(answer: tools.Compiled) -> str:
    """What the compiler said, and then its program."""
    ran = answer.run
    return answer.log + (ran.output if isinstance(ran, tools.Completed) else "")


def _unrun(context: Context, chosen: tools.ToolChoice, verdict: Finding) -> Finding | None:
    """What is to be said where a fit compiler's program did not run; None where it did."""
    answer = context.ask(tools.compile_c(chosen.argv))
    if not isinstance(answer, tools.Compiled):
        return None
    name, how = chosen.used.words, tools.how_it_ran(context.host, answer)
    if how == "runs":
        return None
    if how == "unseen":
        ended = answer.run.shown() if answer.run else "it was not run"
        summary = f"{name} compiles and links; its program could not be run here: {ended}"
        return warned(summary, seen=verdict.evidence)
    machine = _machine(answer).removeprefix("EM_")
    summary = f"a cross build: {name} makes programs for {machine}, which do not run here"
    return warned(summary, seen=verdict.evidence)


def _did_not_compile(chosen: tools.ToolChoice, answer: NoAnswer) -> Finding:
    question = tools.compile_bpf(chosen.argv)
    judged = tools.misbehaving(chosen.argv, question, answer)
    make = failed if judged is not None and judged.state == "unfit" else unknown
    fixes = [Install(("clang",))] if make is failed else []
    how = judged.trouble if judged else answer.shown()
    return make(how, seen=[evidence(question, answer)], fixes=fixes)


def _machine(answer: tools.Compiled) -> str:
    return answer.object.machine if answer.object else ""
