"""The compilers: clang for BPF code, and the C compiler for the program around it."""

from __future__ import annotations

import re

from bpfdoctor.api import Context, Finding, Install, NoAnswer, Project
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import tools

CORE_CLANG = "11"
"""The oldest clang that libbpf-bootstrap's CO-RE programs are known to be built with."""

_NO_LIBC = re.compile(
    r"'?(?:stdio|stdlib|bits/[\w-]+|features|stdc-predef)\.h'?(?:: No such file| file not found)"
    r"|cannot find (?:\S*crt[1in]\.o|-lc\b)"
)
"""What gcc, clang and ld say where the C library's development files are missing."""


def _uses_clang(project: Project) -> bool:
    return project.kind.build is None or "CLANG" in project.tools


def _clang(context: Context) -> tools.ToolChoice:
    return tools.chosen_clang(context.host, context.project.kind.clang, context.project.tools)


@check("toolchain.clang", title="clang", applies=_uses_clang)
def clang(context: Context) -> Finding:
    """The clang that the project's makefile would run is there, runs, and is new enough.

    That is `$CLANG` if it is set, else `clang` on PATH. BPF code cannot be compiled without it:
    clang 10 is the oldest that libbpf projects can use, and a project may ask for a newer one.
    Where that clang is missing or unfit and another one works (`clang-16`,
    `/usr/lib/llvm-16/bin/clang`), this warns with the `make CLANG=…` that uses it, and everything
    after judges that one. What to do: install clang, or name a good one in CLANG.
    """
    chosen = _clang(context)
    name, version = chosen.default.words, chosen.version
    if chosen.fit and chosen.is_default and not version:
        return warned(f"{name} compiles BPF; its version cannot be read", seen=chosen.seen)
    if not chosen.fit and chosen.default.state == "no-bpf":
        return passed(f"{name} is clang {version}", seen=chosen.seen)
    return tools.verdict_on(chosen, f"{name} is clang {version}", "clang")


@check(
    "toolchain.clang-bpf",
    title="clang emits BPF",
    requires=("toolchain.clang",),
    applies=_uses_clang,
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
    why = "no BTF" if answer.ok and _machine(answer) == "EM_BPF" else _first_error(answer.log)
    fixes = [Install(("clang",))]
    return failed(f"{name} does not emit BPF: {why or answer.shown()}", seen=seen, fixes=fixes)


@check(
    "toolchain.clang-core",
    title="clang emits CO-RE",
    requires=("toolchain.clang-bpf",),
    applies=_uses_clang,
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
    name, seen, fixes = chosen.used.words, [evidence(question, answer)], [Install(("clang",))]
    if isinstance(answer, NoAnswer):
        return _did_not_compile(chosen, answer)
    count = answer.object.relocations if answer.ok and answer.object else 0
    if count == 0:
        return failed(f"{name} writes no CO-RE relocation", seen=seen, fixes=fixes)
    if chosen.version and tools.older(chosen.version, CORE_CLANG):
        summary = f"{name} {chosen.version} writes a CO-RE relocation; {CORE_CLANG} is known to do"
        return warned(summary, seen=seen, fixes=fixes)
    return passed(f"{name} writes CO-RE relocations ({count} seen)", seen=seen)


@check("toolchain.cc", title="C compiler", applies=lambda project: "CC" in project.tools)
def cc(context: Context) -> Finding:
    """Each C compiler that make would run compiles, links and makes what runs.

    That is `$CC`, else `cc` (today behind `$CROSS_COMPILE`), for the program around the BPF code
    and for libbpf; where the build makes a bpftool of its own, also `$HOSTCC`, else `gcc`. A
    compiler without the C library's headers and start-up files is there and useless: that is told
    apart from a missing compiler.
    Where one of them is missing or unfit and another works (`gcc-12`), this warns with the
    `make CC=… HOSTCC=…` that uses it. What to do: install a C compiler, or the C library's
    development package.
    """
    chosen = tools.chosen_compilers(context.host, context.project.tools)
    lame = next((found for each in chosen if (found := _without_libc(context, each))), None)
    names = list(dict.fromkeys(each.used.words for each in chosen))
    verb = "compile, link and make" if names[1:] else "compiles, links and makes"
    summary = f"{' and '.join(names)} {verb} a program that runs"
    return lame or tools.verdict_on_all(chosen, summary, "cc")


def _without_libc(context: Context, chosen: tools.ToolChoice) -> Finding | None:
    """What is wrong where there is a compiler and its C library, or its way to run, is not."""
    name, seen = chosen.used.words, chosen.seen
    answer = context.ask(tools.compile_c(chosen.argv)) if chosen.argv else None
    if not isinstance(answer, tools.Compiled):
        return None
    if not chosen.fit and _NO_LIBC.search(answer.log):
        summary = f"{name} works, but the C library's headers are missing: "
        fixes = [Install(("libc-headers",))]
        return failed(summary + _first_error(answer.log), seen=seen, fixes=fixes)
    if not chosen.fit or (isinstance(answer.run, tools.Completed) and answer.run.ok):
        return None
    how = answer.run.shown() if answer.run else "it was not run"
    return warned(f"{name} compiles and links; its program does not run: {how}", seen=seen)


def _did_not_compile(chosen: tools.ToolChoice, answer: NoAnswer) -> Finding:
    question = tools.compile_bpf(chosen.argv)
    judged = tools.misbehaving(chosen.argv, question, answer)
    make = failed if judged is not None and judged.state == "unfit" else unknown
    fixes = [Install(("clang",))] if make is failed else []
    how = judged.trouble if judged else answer.shown()
    return make(how, seen=[evidence(question, answer)], fixes=fixes)


def _machine(answer: tools.Compiled) -> str:
    return answer.object.machine if answer.object else ""


def _first_error(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line or "cannot find" in line), "")[:200]
