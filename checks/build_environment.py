"""The environment that a build inherits: variables that steer compilers, linkers and the loader."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Instead, NoAnswer, Run
from bpfdoctor.api import check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import machine, tools

SEARCHED = (
    *("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH"),
    *("COMPILER_PATH", "GCC_EXEC_PREFIX", "TMPDIR"),
)
"""Directories in which compilers, linkers and the loader of programs look before their own, and the
one of their temporary files."""

ASKED = machine.AskEnvironment((*SEARCHED, *tools.FLAGS))

_LENIENT = ("-Wno-", "-Wl,", "-Wa,", "-Wp,", "-Wall", "-Wformat", "-Werror")
"""What words begin with that add no warning to those which libbpf asks for itself."""


@check("toolchain.environment", title="variables that steer compilers")
def build_environment(context: Context) -> Finding | None:
    """Compilers, linker, make and bpftool work with the variables of your environment.

    CPATH and C_INCLUDE_PATH put headers before the system's, LIBRARY_PATH libraries; with
    LD_LIBRARY_PATH, COMPILER_PATH or GCC_EXEC_PREFIX a tool may not start at all; a TMPDIR in which
    nothing can be written stops every compiler; CFLAGS, CPPFLAGS,
    EXTRA_CFLAGS, LDFLAGS and EXTRA_LDFLAGS become flags where the project's, libbpf's or bpftool's
    makefile takes them from the environment. Where one of these is set, C code and BPF code are
    compiled and linked as the makefiles do it. What fails is tried again without each variable: if
    it works without one, that variable is the cause. What fails without them too is left to the
    other checks. What to do: unset the variable, or build with `env -u NAME make`.
    """
    answer = context.ask(ASKED)
    if isinstance(answer, NoAnswer):
        return None  # recorded before this was asked: the compilers' answers stand for themselves
    seen = [evidence(ASKED, answer)]
    given = {name: value for name, value in answer.values.items() if value.strip()}
    flags = _flags(context)
    names = tuple(name for name in given if name in SEARCHED or (flags and name in flags.taken))
    if not names:
        ignored = f"; no makefile takes {', '.join(given)} from the environment" if given else ""
        return passed(f"no such variable is set{ignored}", seen=seen)
    steps = _steps(context, flags, names)
    causes = [found for each in steps if (found := tools.cause_of(each, names))]
    if causes:
        return _blamed(given, causes, seen)
    return passed(f"{', '.join(names)}: set, and nothing fails because of it", seen=seen)


@check(
    "toolchain.warnings",
    title="flags that turn warnings into errors",
    applies=lambda project: "CC" in project.tools,
    excused_by=("toolchain.environment",),
)
def warnings(context: Context) -> Finding | None:
    """No flag of your environment has the compiler refuse libbpf's own sources.

    libbpf is compiled with -Werror: a warning that EXTRA_CFLAGS asks for (-Wconversion), or
    another standard (-std=c89), ends the build wherever the sources give cause for it. Only a build
    can tell whether they do. What to do: unset the variable if the build fails.
    """
    flags = _flags(context)
    if flags is None:
        return None  # recorded before this was asked
    values = {name: flags.values[name] for name in flags.taken}
    strict = {name: value for name, value in values.items() if _adds_warnings(value)}
    if not strict:
        return passed("no such flag is set", seen=[Evidence("environment", str(values or "none"))])
    settings = " and ".join(f"{name}={_short(value)}" for name, value in strict.items())
    summary = f"{settings}: libbpf is compiled with that and with -Werror; only a build can tell"
    seen = [Evidence("environment", settings)]
    if not context.may_build:
        build = Run(("bpfdoctor", "check"), text="builds, and so tells")
        return unknown(summary, seen=seen, fixes=[build])
    unset = ByHand(f"if the build fails: `unset {' '.join(strict)}`")
    return warned(summary, seen=seen, fixes=[unset], explains=("[-Werror", "staticobjs/"))


def _adds_warnings(value: str) -> bool:
    words = [word for word in value.split() if not word.startswith(_LENIENT)]
    return any(word.startswith(("-W", "-pedantic", "-std=", "-ansi")) for word in words)


def _flags(context: Context) -> tools.BuildFlags | None:
    """What the makefiles pass on; None where nothing is built."""
    project, build = context.project, context.project.kind.build
    if build is None:
        return None
    places = (build.makefile, *tools.SUBMODULE_MAKEFILES)
    top, libbpf, bpftool = (project.inside(each) if project.path else "" for each in places)
    return tools.build_flags(context.host, (top, libbpf, bpftool), build.link_flags)


def _blamed(given: dict[str, str], causes: list[tools.Cause], seen: list[Evidence]) -> Finding:
    names = tuple(dict.fromkeys(name for each in causes for name in each.variables))
    settings = " and ".join(f"{name}={_short(given[name])}" for name in names)
    verb = "breaks" if len(names) == 1 else "break"
    instead = Instead(without=names)
    text = f"`unset {' '.join(names)}`, or build with `{instead.command()}`"
    summary = f"{settings} {verb} the build: {causes[0].said}"
    shown = dict.fromkeys((*seen, *(piece for each in causes for piece in each.seen)))
    return failed(summary, seen=shown, fixes=[ByHand(text, instead=instead)])


def _short(value: str) -> str:
    return value if len(value) <= 80 else f"{value[:77]}..."


def _steps(
    context: Context, flags: tools.BuildFlags | None, names: tuple[str, ...]
) -> Iterator[tools.BuildStep]:
    """List the steps of a build, each as something to try."""
    yield from _starting(context)
    named = {} if flags is None else context.project.tools
    if flags is not None and "CC" in named:
        chosen = tools.chosen_compilers(context.host, named)
        argvs = {each.variable: _argv(each) for each in chosen}
        cc, host_cc = argvs["CC"], argvs.get("HOSTCC", ())
        yield from tools.CSteps(context.host, cc, host_cc, flags).steps(names)
    build = context.project.kind.build if context.project.path else None
    include = tuple(context.project.inside(place) for place in (build.include if build else ()))
    clang = _argv(tools.chosen_clang(context.host, context.project.kind.clang))
    if not clang:
        return
    if "CLANG" in named:
        yield tools.compiling(
            context.host,
            lambda left_out: tools.compile_headers(context.host, clang, include, left_out),
        )
    elif context.project.kind.build is None:
        yield tools.compiling(context.host, lambda left_out: tools.compile_bpf(clang, left_out))


def _starting(context: Context) -> Iterator[tools.BuildStep]:
    build = context.project.kind.build
    if build is None or not build.tools:
        return
    yield tools.starting(context.host, ("make", "--version"))
    bpftool = tools.tool_words(context.host, "BPFTOOL", "")
    if bpftool and _lies_outside(context, bpftool[0]):
        yield tools.starting(context.host, (*bpftool, "version"))


def _lies_outside(context: Context, tool: str) -> bool:
    """Whether a tool lies outside the checkout, whose tools run only in a build."""
    return bool(tool) and (
        "/" not in tool or not f"/{tool}".startswith(f"/{context.project.path}/")
    )


def _argv(chosen: tools.ToolChoice) -> tuple[str, ...]:
    """The tool that make would run; the one that takes its place where there is no such file."""
    there = chosen.default.state not in ("missing", "off-path")
    return chosen.default.argv if there else chosen.used.argv if chosen.fit else ()
