"""The libraries and headers that a build needs, proven by compiling and linking what uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfdoctor.api import (
    Build,
    ByHand,
    Context,
    Evidence,
    Finding,
    Install,
    Instead,
    NoAnswer,
    Project,
)
from bpfdoctor.api import Status
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import files, machine, tools, vmlinux

_LIBELF = """\
#include <gelf.h>
#include <libelf.h>
int main(void)
{
	return elf_version(EV_CURRENT) == EV_NONE;
}
"""

_ZLIB = """\
#include <zlib.h>
int main(void)
{
	return zlibVersion()[0] != ZLIB_VERSION[0];
}
"""

_INCLUDES = "CLANG_BPF_SYS_INCLUDES"
"""The variable in which the makefiles keep the host's directories of headers."""

_LIBBPF = "libbpf"
"""The submodule that brings linux/bpf.h."""

_NOT_FOUND = re.compile(r"(?:error: '?)([\w/.-]+\.h)'?(?:: No such file| file not found)")


def _links(project: Project) -> bool:
    return "CC" in project.tools


@check(
    "libraries.libelf",
    title="libelf",
    requires=("toolchain.cc",),
    applies=_links,
    excused_by=("toolchain.environment",),
)
def libelf(context: Context) -> Finding:
    """A C program that calls libelf compiles and links, as the makefile would have it.

    libbpf reads object files with libelf; every program of a libbpf project links to it. The
    header and the library are told apart. What to do: install libelf's development package.
    """
    return _library(context, "libelf", "-lelf", _LIBELF, "elf_version")


@check(
    "libraries.zlib",
    title="zlib",
    requires=("toolchain.cc",),
    applies=_links,
    excused_by=("toolchain.environment",),
)
def zlib(context: Context) -> Finding:
    """A C program that calls zlib compiles and links, as the makefile would have it.

    libbpf unpacks compressed kernel configurations with it, and libelf compressed sections; every
    program of a libbpf project links to it. What to do: install zlib's development package.
    """
    return _library(context, "zlib", "-lz", _ZLIB, "zlibVersion")


_SYSTEM_INCLUDES = "-idirafter"
"""What makefiles have `clang -v` tell, and give to the clang that compiles for BPF."""


@check(
    "libraries.uapi",
    title="kernel headers for BPF code",
    requires=("toolchain.clang-bpf", "checkout.submodules[libbpf]"),
    applies=lambda project: "CLANG" in project.tools,
    excused_by=("toolchain.environment",),
)
def uapi(context: Context) -> Iterator[Finding]:
    """Clang finds asm/types.h and linux/bpf.h when it compiles for BPF with the project's flags.

    With `-target bpf` clang does not search the directories of this architecture; the makefiles
    of libbpf projects add them (libbpf-bootstrap's since 2b2426e, 2020-12-04; before, programs that
    include linux/bpf.h build only where /usr/include/asm is). The headers come from the project's
    libbpf and from the system.
    What to do: install the kernel's headers for user space (linux-libc-dev, kernel-headers).
    """
    if _libbpf_is_missing(context):
        yield blocked("the project's libbpf is not there", [f"checkout.submodules[{_LIBBPF}]"])
        return
    found = _headers_for_bpf(context)
    yield found
    build = context.project.kind.build
    if found.status is Status.PASS and context.project.path and build is not None:
        yield from _without_host_includes(context, build)


def _without_host_includes(context: Context, build: Build) -> Iterator[Finding]:
    """Report each program that needs directories which the makefile does not give to clang."""
    makefile = context.ask(files.Read(context.project.inside(build.makefile)))
    if not isinstance(makefile, files.Text) or _SYSTEM_INCLUDES in makefile.text:
        return
    clang = tools.chosen_clang(context.host, context.project.kind.clang, context.project.tools)
    include = tuple(context.project.inside(place) for place in build.include)
    question = tools.compile_headers(context.host, clang.argv, include, plain=True)
    answer = context.ask(question)
    header = None if isinstance(answer, NoAnswer) else _NOT_FOUND.search(answer.log)
    if header is None:
        return
    spared = vmlinux.includers(context, build, "vmlinux.h")  # it takes the place of these headers
    why = f"{build.makefile} gives clang no directory with {header.group(1)} for BPF code"
    newer = ByHand("take a newer commit, whose makefile adds clang's own directories (-idirafter)")
    for program in context.project.programs:
        if program not in spared:
            yield failed(why, about=program, seen=[evidence(question, answer)], fixes=[newer])


def _headers_for_bpf(context: Context) -> Finding:
    clang = tools.chosen_clang(context.host, context.project.kind.clang, context.project.tools)
    if not clang.fit:
        return blocked("there is no clang to look with", ["toolchain.clang-bpf"])
    build = context.project.kind.build if context.project.path else None
    include = tuple(context.project.inside(place) for place in (build.include if build else ()))
    question = tools.compile_headers(context.host, clang.argv, include)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer):
        return unknown(
            f"clang did not answer: {answer.shown()}", seen=seen, fixes=[_by_hand(question)]
        )
    if answer.ok:
        return passed("asm/types.h and linux/bpf.h are found for BPF code", seen=seen)
    header, lost = _NOT_FOUND.search(answer.log), tools.lost_in(context.host, answer.log)
    what = f"{header.group(1)} is not found" if header else f"do not compile: {_error(answer)}"
    summary = f"headers for BPF code: {what}"
    if _works_unset(context, clang.argv, include):
        instead = Instead(without=(_INCLUDES,))
        unset = ByHand(f"`unset {_INCLUDES}`, or build with `{instead.command()}`", instead=instead)
        because = f"{summary}, because of {_INCLUDES} in your environment"
        return failed(because, seen=seen, fixes=[unset])
    if lost is None:
        return failed(summary, seen=seen, fixes=[Install(("linux-headers",))])
    return failed(summary, seen=[*seen, *lost.seen], fixes=[lost.fix])


def _works_unset(context: Context, clang: tuple[str, ...], include: tuple[str, ...]) -> bool:
    """The user's own variable takes the directories of headers away."""
    values = context.ask(machine.AskEnvironment((_INCLUDES,)))
    if isinstance(values, NoAnswer) or not values.values:
        return False
    answer = context.ask(tools.compile_headers(context.host, clang, include, (_INCLUDES,)))
    return not isinstance(answer, NoAnswer) and answer.ok


def _libbpf_is_missing(context: Context) -> bool:
    """The project's BPF code includes libbpf's headers, and its libbpf was not fetched."""
    project, build = context.project, context.project.kind.build
    own = build.include if build and project.path else ()
    if not any(path.startswith(f"{_LIBBPF}/") for path in own):
        return False
    answer = context.ask(files.List(project.inside(_LIBBPF)))
    if isinstance(answer, NoAnswer):
        return answer.absent
    return not set(answer.names) - {".git"}


def _library(context: Context, name: str, option: str, code: str, function: str) -> Finding:
    cc = tools.chosen_compilers(context.host, context.project.tools)[0]
    if not cc.fit:
        return blocked("there is no C compiler to try it with", ["toolchain.cc"])
    libraries = (*_linker_flags(context), option)
    question = tools.Compile(cc.argv, code, tools.C_FLAGS, link=True, libraries=libraries, run=True)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer):
        return unknown(f"{name}: {answer.shown()}", seen=seen, fixes=[_by_hand(question)])
    if answer.ok:
        return _linked(context, name, answer, seen=seen)
    if _lacks_kernel_header(answer) and _uapi_fails(context):
        return blocked(f"{name}: {_error(answer)}", ["libraries.uapi"])
    missing = _missing_half(context, question, answer, option, function)
    lost = tools.lost_in(context.host, answer.log)
    seen, fix = [*seen, *(lost.seen if lost else ())], Install((f"{name}-headers",))
    return failed(
        f"{name}: {missing or _error(answer)}", seen=seen, fixes=[lost.fix if lost else fix]
    )


def _linked(context: Context, name: str, answer: tools.Compiled, seen: list[Evidence]) -> Finding:
    """The finding on a program that links: the bpftool that a build makes must run with it too."""
    ran = answer.run
    if not isinstance(ran, tools.Completed) or ran.ok:
        return passed(f"a program that calls {name} compiles and links", seen=seen)
    summary = f"a program links to {name}, but does not run with it: {ran.shown()}"
    must_run = "HOSTCC" in context.project.tools and not tools.is_cross_build(context.host)
    if not must_run or tools.how_it_ran(context.host, answer) != "fails":
        return warned(summary, seen=seen)
    lost = tools.lost_in(context.host, ran.output)
    if lost is not None and lost.name.startswith("libz.") and name != "zlib":
        return blocked(summary, ["libraries.zlib"])
    fix = lost.fix if lost else Install((f"{name}-headers",))
    return failed(summary, seen=[*seen, *(lost.seen if lost else ())], fixes=[fix])


def _lacks_kernel_header(answer: tools.Compiled) -> bool:
    """The C library's own headers include some of the kernel's."""
    header = _NOT_FOUND.search(answer.log)
    return header is not None and header.group(1).startswith(("linux/", "asm/", "asm-generic/"))


def _uapi_fails(context: Context) -> bool:
    """The kernel's headers are missing for BPF code too, and that is said there."""
    applies = uapi.applies(context.project) and not _libbpf_is_missing(context)
    return applies and _headers_for_bpf(context).status is Status.FAIL


def _missing_half(
    context: Context, question: tools.Compile, answer: tools.Compiled, option: str, function: str
) -> str:
    """Header, library or both; empty where it is neither that is missing."""
    if answer.step == "link":
        unfound = f"cannot find {option}" in answer.log or f"library {option}" in answer.log
        return f"the library is missing ({option}); its header is there" if unfound else ""
    header = _NOT_FOUND.search(answer.log)
    if header is None:
        return ""
    code = f"char {function}();\nint main(void)\n{{\n\treturn {function}() == 0;\n}}\n"
    alone = tools.Compile(
        question.compiler, code, tools.C_FLAGS, link=True, libraries=question.libraries
    )
    linked = context.ask(alone)
    there = isinstance(linked, tools.Compiled) and linked.ok
    if there:
        return f"the header {header.group(1)} is missing; the library is there"
    both = isinstance(linked, tools.Compiled) and linked.step == "link"
    return f"the header {header.group(1)} {'and the library are' if both else 'is'} missing"


def _linker_flags(context: Context) -> tuple[str, ...]:
    build = context.project.kind.build
    return tools.link_words(context.host, build.link_flags if build else ())


def _error(answer: tools.Compiled) -> str:
    return tools.first_error(answer.log) or answer.shown()[:200]


def _by_hand(question: tools.Compile) -> ByHand:
    return ByHand(f"see what it does by hand: {question.source()}")
