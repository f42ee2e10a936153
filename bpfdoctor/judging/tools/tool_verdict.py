"""One tool, judged: what is there, and what it says when it is run."""

from __future__ import annotations

import glob
import shlex
from typing import Literal

import msgspec

from bpfdoctor.host.elf.object import AskExecutable, Executable
from bpfdoctor.host.question import Answer, Host, NoAnswer, Question, evidence
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.emulated import Accepts, TryExecutable
from bpfdoctor.host.tools.search import FindExecutables, FindTool, FoundTools
from bpfdoctor.model import Evidence

State = Literal["fit", "unproven", "no-bpf", "old", "unfit", "missing", "off-path", "unclear"]
"""`unproven`: of the right kind, and not run. `no-bpf`: runs, and does not emit BPF. `off-path`: it
is where every system keeps its tools, and PATH does not lead there. `unclear`: it would not say (no
end, no memory)."""

REFUSALS = ("ENOENT", "ENOTDIR", "EACCES", "EPERM", "ENOEXEC", "ELOOP", "ELIBBAD")
"""What execve(2) answers for a file that is no executable; other errors say nothing about it."""

STANDARD_PLACES = ("/usr/bin", "/bin")
"""Where every system keeps its tools."""

Argv = tuple[str, ...]


class ToolVerdict(msgspec.Struct, frozen=True):
    """One tool, as `argv` runs it. `trouble` says why it is not fit; `seen` shows it."""

    argv: Argv
    state: State
    version: str = ""
    trouble: str = ""
    seen: tuple[Evidence, ...] = ()

    @property
    def fit(self) -> bool:
        """It was seen to do what it is for."""
        return self.state == "fit"

    @property
    def words(self) -> str:
        """As typed."""
        return shlex.join(self.argv)


def absent(host: Host, argv: Argv) -> ToolVerdict | None:
    """The judgement on a tool that is not there at all; None where there is a file to run."""
    question = FindTool(argv[0])
    answer = host.ask(question)
    if not isinstance(answer, NoAnswer) or not answer.absent:
        return None
    seen = (evidence(question, answer),)
    if "/" in argv[0]:
        return ToolVerdict(argv, "missing", "", f"{argv[0]} is not an executable file", seen)
    name = glob.escape(argv[0])
    elsewhere = host.ask(FindExecutables(tuple(f"{place}/{name}" for place in STANDARD_PLACES)))
    if isinstance(elsewhere, FoundTools) and elsewhere.paths:
        trouble = f"{argv[0]} is not on PATH, which does not lead to {elsewhere.paths[-1]}"
        return ToolVerdict(argv, "off-path", "", trouble, seen)
    return ToolVerdict(argv, "missing", "", f"{argv[0]} is not on PATH", seen)


def looked_at(host: Host, argv: Argv) -> ToolVerdict:
    """The judgement on an executable that must not be run: only whether it is for this machine.

    Another machine's may still run here (binfmt_misc): whether one such does is tried.
    """
    asked, ours = AskExecutable(argv[0]), AskExecutable("/proc/self/exe")
    answer, interpreter = host.ask(asked), host.ask(ours)
    seen = (evidence(asked, answer), evidence(ours, interpreter))
    unrun = "not run: files of the checkout run only in a build"
    if isinstance(answer, NoAnswer):
        return ToolVerdict(argv, "unclear", "", f"{argv[0]}: {answer.shown()}; {unrun}", seen)
    if isinstance(interpreter, NoAnswer) or answer != interpreter:
        return _of_another(host, argv, answer, f"this interpreter {interpreter.shown()}", seen)
    return ToolVerdict(argv, "unproven", "", f"{argv[0]} is {answer.shown()}; {unrun}", seen)


def _of_another(
    host: Host, argv: Argv, of: Executable, ours: str, seen: tuple[Evidence, ...]
) -> ToolVerdict:
    """The judgement on an executable for another machine."""
    tried = TryExecutable(of.machine, of.bits, of.endian)
    answer = host.ask(tried)
    seen = (*seen, evidence(tried, answer))
    trouble = f"{argv[0]} is {of.shown()}, {ours}"
    if isinstance(answer, Accepts) and not answer.accepted:
        return ToolVerdict(argv, "unfit", "", f"{trouble}: it does not run here", seen)
    return ToolVerdict(
        argv, "unclear", "", f"{trouble}; files of the checkout run only in a build", seen
    )


def misbehaving(argv: Argv, question: Question[Answer], answer: Answer) -> ToolVerdict | None:
    """The judgement on a tool that did not run to a good end; None where it did."""
    seen = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        state: State = "unfit" if answer.reason in REFUSALS else "unclear"
        how = "cannot be started" if state == "unfit" else "did not answer"
        return ToolVerdict(argv, state, "", f"{argv[0]} {how}: {answer.shown()}", seen)
    if not isinstance(answer, Completed) or answer.ok:
        return None
    if answer.signal:  # the kernel kills for want of memory: that is not the tool's doing
        state = "unclear" if answer.signal == "SIGKILL" else "unfit"
        return ToolVerdict(argv, state, "", f"{argv[0]} is killed by {answer.signal}", seen)
    lines = [line.strip() for line in answer.output.splitlines() if line.strip()]
    says = f": {lines[0][:200]}" if lines else ""
    return ToolVerdict(argv, "unfit", "", f"{argv[0]} exits {answer.exit_code}{says}", seen)
