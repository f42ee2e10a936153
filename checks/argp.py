"""argp, with which a program reads its command line: glibc has it, musl has it not."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Install, Instead, NoAnswer
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import tools

_CODE = """\
#include <argp.h>
int main(int argc, char **argv)
{
	static const struct argp none = {};
	return argp_parse(&none, argc, argv, 0, 0, 0);
}
"""

_APART = "-largp"
"""The library where argp is not in the C library."""


@check(
    "libraries.argp",
    title="argp",
    requires=("toolchain.cc",),
    applies=lambda project: "CC" in project.tools,
    excused_by=("toolchain.environment", "libraries.uapi"),
)
def argp(context: Context) -> Finding:
    """A C program that includes argp.h and calls argp_parse compiles and links.

    Some programs of libbpf-bootstrap (bootstrap, sockfilter, task_iter) read their command line
    with it. It is a part of glibc; with musl it is a library of its own, which the makefile links
    only with `make EXTRA_LDFLAGS=-largp`. What to do: install the C library's development package,
    or argp-standalone with musl.
    """
    compiler = tools.chosen_compilers(context.host, context.project.tools)[0]
    if not compiler.fit:
        return blocked("there is no C compiler to try it with", ["toolchain.cc"])
    build = context.project.kind.build
    flags = tools.link_words(context.host, build.link_flags if build else ())
    question = tools.Compile(compiler.argv, _CODE, tools.C_FLAGS, link=True, libraries=flags)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer):
        look = ByHand(f"see what it does by hand: {question.source()}")
        return unknown(f"argp: {answer.shown()}", seen=seen, fixes=[look])
    if answer.ok:
        return passed("a program that calls argp_parse compiles and links", seen=seen)
    if answer.step == "link":
        return _apart(context, compiler.argv, answer, seen)
    lost = tools.lost_in(context.host, answer.log)
    fix = lost.fix if lost else Install(("argp",))
    seen += lost.seen if lost else ()
    return failed(f"argp: {tools.first_error(answer.log)}", seen=seen, fixes=[fix])


def _apart(
    context: Context, compiler: tuple[str, ...], answer: tools.Compiled, seen: list[Evidence]
) -> Finding:
    """The finding where argp.h is there and the C library has no argp_parse."""
    question = tools.Compile(compiler, _CODE, tools.C_FLAGS, link=True, libraries=(_APART,))
    with_library = context.ask(question)
    seen.append(evidence(question, with_library))
    summary = f"argp: {tools.first_error(answer.log)}"
    if not isinstance(with_library, tools.Compiled) or not with_library.ok:
        return failed(summary, seen=seen, fixes=[Install(("argp",))])
    instead = Instead(arguments=(f"EXTRA_LDFLAGS={_APART}",))
    text = f"build with `{instead.command()}`: argp is a library of its own here"
    return failed(summary, seen=seen, fixes=[ByHand(text, instead=instead)])
