"""The C compilers of a build: judged by a program that they compile and link."""

from __future__ import annotations

from collections.abc import Mapping

from bpfdoctor.host.question import Host, NoAnswer, evidence
from bpfdoctor.host.tools.compile import Compile
from bpfdoctor.judging.tools.choice import ToolChoice, choose
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict, absent, misbehaving
from bpfdoctor.projects.model import Setting

C_CODE = """\
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	return puts("ok") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
"""

COMPILERS = ("CC", "HOSTCC")
"""The make variables that name a C compiler."""

C_FLAGS = ("-g", "-Wall")
"""What the makefiles of libbpf-bootstrap give the C compiler."""


def compile_c(cc: Argv) -> Compile:
    """The question whether a C compiler compiles, links and makes what runs."""
    return Compile(cc, C_CODE, C_FLAGS, link=True, run=True)


def chosen_compilers(host: Host, tools: Mapping[str, Setting]) -> tuple[ToolChoice, ...]:
    """Every C compiler that a makefile with these tools calls: CC, and HOSTCC, which makes the
    programs that the build itself runs. Where HOSTCC is not fit, a CC that is takes its place."""
    chosen: list[ToolChoice] = []
    for variable in (name for name in COMPILERS if name in tools):
        rather = next((each.used for each in chosen if each.fit), None)
        chosen.append(_chosen_compiler(host, tools[variable], rather))
    return tuple(chosen)


def _chosen_compiler(host: Host, setting: Setting, rather: ToolVerdict | None) -> ToolChoice:
    def judge(argv: Argv) -> ToolVerdict:
        return judge_cc(host, argv)

    others = (("gcc",), ("gcc-[0-9]*",), ("clang",), ("clang-[0-9]*",))
    usual = {"CC": "cc", "HOSTCC": "gcc"}[setting.variable]
    return choose(host, setting, judge, others, rather=rather, usual=usual)


def judge_cc(host: Host, argv: Argv) -> ToolVerdict:
    """One C compiler: fit when it compiles and links; whether the result runs is told apart."""
    missing = absent(host, argv)
    if missing is not None:
        return missing
    question = compile_c(argv)
    answer = host.ask(question)
    seen = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        return misbehaving(argv, question, answer) or ToolVerdict(argv, "unclear")
    if answer.ok:
        return ToolVerdict(argv, "fit", "", "", seen)
    return ToolVerdict(argv, "unfit", "", f"{argv[0]} does not {answer.step} a C program", seen)
