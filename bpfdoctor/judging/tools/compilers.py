"""The C compilers of a build: judged by a program that they compile and link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bpfdoctor.host.elf.object import AskExecutable
from bpfdoctor.host.question import Host, NoAnswer, evidence
from bpfdoctor.host.tools.commands import Completed, environment_variable
from bpfdoctor.host.tools.compile import Compile, Compiled
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
    programs that the build itself runs. Where HOSTCC is not fit, a CC that is fit for that takes
    its place."""
    chosen: list[ToolChoice] = []
    for variable in (name for name in COMPILERS if name in tools):
        judged = (judge_cc(host, each.argv, "HOSTCC") for each in chosen if each.fit)
        rather = next((each for each in judged if each.fit), None)
        chosen.append(_chosen_compiler(host, tools[variable], rather))
    return tuple(chosen)


def _chosen_compiler(host: Host, setting: Setting, rather: ToolVerdict | None) -> ToolChoice:
    def judge(argv: Argv) -> ToolVerdict:
        return judge_cc(host, argv, setting.variable)

    others = (("gcc",), ("gcc-[0-9]*",), ("clang",), ("clang-[0-9]*",))
    usual = {"CC": "cc", "HOSTCC": "gcc"}[setting.variable]
    return choose(host, setting, judge, others, rather=rather, usual=usual)


def judge_cc(host: Host, argv: Argv, variable: str = "CC") -> ToolVerdict:
    """One C compiler: fit when it compiles, links and makes programs that run.

    What CC makes for another machine, or with CROSS_COMPILE set, need not run here.
    """
    missing = absent(host, argv)
    if missing is not None:
        return missing
    question = compile_c(argv)
    answer = host.ask(question)
    seen = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        return misbehaving(argv, question, answer) or ToolVerdict(argv, "unclear")
    if not answer.ok:
        return ToolVerdict(argv, "unfit", "", f"{argv[0]} does not {answer.step} a C program", seen)
    how = how_it_ran(host, answer)
    if how == "fails" and not (variable == "CC" and is_cross_build(host)):
        trouble = f"{argv[0]} compiles and links; its program does not run: {_ending(answer)}"
        return ToolVerdict(argv, "unfit", "", trouble, seen)
    if how == "foreign" and variable == "HOSTCC":
        trouble = f"{argv[0]} makes programs for {_machine(answer)}, which the build cannot run"
        return ToolVerdict(argv, "unfit", "", trouble, seen)
    return ToolVerdict(argv, "fit", "", "", seen)


Ran = Literal["runs", "fails", "foreign", "unseen"]
"""`foreign`: it is for another machine. `unseen`: this machine would not run it (a scratch
directory that is mounted noexec, no memory, no end), which says nothing about the program."""

_BROKEN = ("ENOENT", "ENOEXEC", "ELIBBAD")
"""What execve(2) answers for a program whose loader is not there, or that is none."""


def how_it_ran(host: Host, answer: Compiled) -> Ran:
    """How a program that was compiled, linked and started has ended."""
    ran = answer.run
    if isinstance(ran, Completed) and ran.ok:
        return "runs"
    ours = host.ask(AskExecutable("/proc/self/exe"))
    if ran is None or isinstance(ours, NoAnswer) or answer.object is None:
        return "unseen"
    if answer.object.machine != ours.machine:
        return "foreign"
    return "fails" if isinstance(ran, Completed) or ran.reason in _BROKEN else "unseen"


def is_cross_build(host: Host) -> bool:
    """The user has named another machine's tools, by the prefix that makefiles put before them."""
    return bool(environment_variable(host, "CROSS_COMPILE"))


def _ending(answer: Compiled) -> str:
    return answer.run.shown() if answer.run else "it was not run"


def _machine(answer: Compiled) -> str:
    return answer.object.machine.removeprefix("EM_") if answer.object else "another machine"
