"""The environment that a build inherits: variables that steer compilers, linkers and the loader."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Instead, NoAnswer, Run
from bpfdoctor.api import check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import machine, tools

SEARCHED = (
    *("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH"),
    *("COMPILER_PATH", "GCC_EXEC_PREFIX"),
)
"""Directories in which compilers, linkers and the loader of programs look before their own."""

ASKED = machine.AskEnvironment((*SEARCHED, *tools.FLAGS))

_C_LIBRARY = """\
#include <byteswap.h>
#include <ctype.h>
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
int nothing;
"""
"""What libbpf's sources include of the C library."""

_LIBRARIES = """\
#include <gelf.h>
#include <libelf.h>
#include <zlib.h>
int main(void)
{
	return elf_version(EV_CURRENT) == EV_NONE || zlibVersion()[0] != ZLIB_VERSION[0];
}
"""

_LENIENT = ("-Wno-", "-Wl,", "-Wa,", "-Wp,", "-Wall", "-Wformat", "-Werror")
"""What words begin with that add no warning to those which libbpf asks for itself."""

_LINKED = ("-lelf", "-lz")

_LINKING = {"LDFLAGS", "EXTRA_LDFLAGS", "LIBRARY_PATH"}
"""Those that only the linker minds."""


@check("toolchain.environment", title="variables that steer compilers")
def build_environment(context: Context) -> Finding:
    """Compilers, linker, make and bpftool work with the variables of your environment.

    CPATH and C_INCLUDE_PATH put headers before the system's, LIBRARY_PATH libraries; with
    LD_LIBRARY_PATH, COMPILER_PATH or GCC_EXEC_PREFIX a tool may not start at all; CFLAGS, CPPFLAGS,
    EXTRA_CFLAGS, LDFLAGS and EXTRA_LDFLAGS become flags where the project's, libbpf's or bpftool's
    makefile takes them from the environment. Where one of these is set, C code and BPF code are
    compiled and linked as the makefiles do it. What fails is tried again without each variable: if
    it works without one, that variable is the cause. What fails without them too is left to the
    other checks. What to do: unset the variable, or build with `env -u NAME make`.
    """
    answer = context.ask(ASKED)
    seen = [evidence(ASKED, answer)]
    if isinstance(answer, NoAnswer):
        return unknown(f"the environment is not known: {answer.shown()}", seen=seen)
    given = {name: value for name, value in answer.values.items() if value.strip()}
    flags = _flags(context)
    names = tuple(name for name in given if name in SEARCHED or (flags and name in flags.taken))
    if not names:
        ignored = f"; no makefile takes {', '.join(given)} from the environment" if given else ""
        return passed(f"none is set{ignored}", seen=seen)
    trials = _trials(context, flags, names)
    causes = [found for each in trials if (found := tools.cause_of(each, names))]
    if causes:
        return _blamed(given, causes, seen)
    strict = [name for name in names if name in tools.FLAGS and _strict(given[name])]
    if strict:
        return _may_break(context, given, strict, seen)
    return passed(f"{', '.join(names)}: set, and nothing fails because of it", seen=seen)


def _strict(value: str) -> bool:
    """It may have a compiler refuse sources that it takes without: only a build can tell."""
    words = [word for word in value.split() if not word.startswith(_LENIENT)]
    return any(word.startswith(("-W", "-pedantic", "-std=", "-ansi")) for word in words)


def _may_break(
    context: Context, given: dict[str, str], names: list[str], seen: list[Evidence]
) -> Finding:
    settings = " and ".join(f"{name}={_short(given[name])}" for name in names)
    summary = f"{settings}: libbpf is compiled with that, and every warning is an error there"
    if not context.may_build:
        build = Run(("bpfdoctor", "check"), text="builds, and so tells")
        return unknown(summary, seen=seen, fixes=[build])
    unset = ByHand(f"if the build fails, `unset {' '.join(names)}`")
    return warned(summary, seen=seen, fixes=[unset], explains=("[-Werror", "staticobjs/"))


def _flags(context: Context) -> tools.BuildFlags | None:
    """What the makefiles pass on; None where nothing is built."""
    project, build = context.project, context.project.kind.build
    if build is None:
        return None
    places = (build.makefile, "libbpf/src/Makefile", "bpftool/src/Makefile")
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


def _trials(
    context: Context, flags: tools.BuildFlags | None, names: tuple[str, ...]
) -> Iterator[tools.BuildStep]:
    """Whatever a build does with its tools, each as something that can be tried."""
    yield from _starting(context)
    named = {} if flags is None else context.project.tools
    if flags is not None and "CC" in named:
        yield from _compiling(context, flags, links=bool(_LINKING & {*names}))
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
    if bpftool and bpftool[0]:
        yield tools.starting(context.host, (*bpftool, "version"))


def _compiling(
    context: Context, flags: tools.BuildFlags, *, links: bool
) -> Iterator[tools.BuildStep]:
    """What the C compilers do: libbpf's objects, the build's own bpftool, a program's link."""
    chosen = tools.chosen_compilers(context.host, context.project.tools)
    by_variable = {each.variable: _argv(each) for each in chosen}
    cc, host_cc = by_variable["CC"], by_variable.get("HOSTCC", ())
    llvm = tools.llvm_flags(context.host, cc, flags.bpftool) if cc and links else ()

    def libbpf(code: str) -> tools.BuildStep:
        return tools.compiling(
            context.host,
            lambda left_out: tools.Compile(cc, code, flags.of_libbpf(left_out), without=left_out),
        )

    def bpftool(left_out: tuple[str, ...]) -> tools.Compile:
        libraries = (*flags.linking_bpftool(left_out), *_LINKED)
        own = (*flags.of_bpftool(left_out), *llvm)
        return _program(host_cc, own, libraries, left_out, run=True)

    def program(left_out: tuple[str, ...]) -> tools.Compile:
        libraries = (*flags.linking(left_out), *_LINKED)
        return _program(cc, tools.C_FLAGS, libraries, left_out, run=False)

    if cc:
        yield from (libbpf(_C_LIBRARY), libbpf(_LIBRARIES), tools.compiling(context.host, program))
    if host_cc:
        yield tools.compiling(context.host, bpftool)


def _program(
    compiler: tuple[str, ...],
    flags: tuple[str, ...],
    libraries: tuple[str, ...],
    without: tuple[str, ...],
    *,
    run: bool,
) -> tools.Compile:
    return tools.Compile(
        compiler, _LIBRARIES, flags, link=True, libraries=libraries, run=run, without=without
    )


def _argv(chosen: tools.ToolChoice) -> tuple[str, ...]:
    """The tool that make would run; the one that takes its place where there is no such file."""
    there = chosen.default.state not in ("missing", "off-path")
    return chosen.default.argv if there else chosen.used.argv if chosen.fit else ()
