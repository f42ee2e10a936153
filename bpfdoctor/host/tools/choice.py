"""Which tool will be used: the one that the makefile would run, or another where that is unfit.

`$CLANG` if set, else `clang` on PATH; likewise the others. Checks, the embedded program and the
smoke build share these judgements; all of them are made of questions to the host.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.elf.object import AskExecutable
from bpfdoctor.host.question import Answer, Host, NoAnswer, Question, evidence
from bpfdoctor.host.system.files import FindExecutables
from bpfdoctor.host.tools.commands import (
    AskEnvironment,
    Completed,
    FindTool,
    FoundTools,
    RunCommand,
    Variables,
)
from bpfdoctor.host.tools.inputs import parts_of
from bpfdoctor.model import ByHand, Evidence, Finding, Install, Run, Status

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

State = Literal["fit", "unproven", "no-bpf", "old", "unfit", "missing", "unclear"]
"""`unproven`: of the right kind, and not run. `no-bpf`: runs, and does not emit BPF. `unclear`: it
would not say (no end, no memory)."""

REFUSALS = ("ENOENT", "ENOTDIR", "EACCES", "EPERM", "ENOEXEC", "ELOOP", "ELIBBAD")
"""What execve(2) answers for a file that is no executable; other errors say nothing about it."""

Argv = tuple[str, ...]


class Judged(msgspec.Struct, frozen=True):
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


class Chosen(msgspec.Struct, frozen=True):
    """The tool that is used for a make variable; `default` is what the makefile would run.

    They differ only where the default is not fit and `used` is.
    """

    variable: str
    used: Judged
    default: Judged

    @property
    def is_default(self) -> bool:
        """The makefile takes it by itself."""
        return self.used.argv == self.default.argv

    @property
    def fit(self) -> bool:
        """There is one that works."""
        return self.used.fit

    @property
    def argv(self) -> Argv:
        """What to run."""
        return self.used.argv

    @property
    def version(self) -> str:
        """Of the one used; empty where it does not say."""
        return self.used.version

    @property
    def override(self) -> str:
        """What to give make so that it takes this one: `CLANG=clang-16`; empty for the default."""
        return "" if self.is_default else f"{self.variable}={' '.join(self.argv)}"

    @property
    def seen(self) -> tuple[Evidence, ...]:
        """What was asked and answered about both."""
        return self.used.seen if self.is_default else (*self.default.seen, *self.used.seen)


class AskVersion(Question[Completed], frozen=True):
    """Run a tool that only says what it is (`clang --version`); from `/`, so that no setting of a
    working directory counts. Remembered while the tool and its libraries are unchanged.

    `owner_of`: when we are root and the owner of that path is not, it runs as that owner.
    """

    argv: Argv
    owner_of: str = ""
    timeout: float = 20

    def put(self, machine: Machine) -> Completed | NoAnswer:
        tool = tool_of(machine, self.argv[0]) if len(self.argv) == 2 else None
        known = recall(machine, self, Completed, tool)
        if known is not None:
            return known
        since = time.time_ns()
        run = RunCommand(self.argv, cwd="/", timeout=self.timeout, owner_of=self.owner_of)
        answer = run.put(machine)
        if isinstance(answer, Completed):
            answer = msgspec.structs.replace(
                answer,
                stdout=answer.stdout[:_VERSION_LIMIT],
                stderr=answer.stderr[:_VERSION_LIMIT],
                truncated=len(answer.stdout) > _VERSION_LIMIT or answer.truncated,
            )
            if tool is not None and answer.ok and machine.cache is not None:
                keep(
                    machine, self, answer, tool=tool, rests_on=parts_of(machine, tool), since=since
                )
        return answer

    def source(self) -> str:
        return f"$ {shlex.join(self.argv)}"


_VERSION_LIMIT = 4096


def tool_words(host: Host, variable: str, default: str) -> Argv:
    """The words that make would run for `variable`: the environment's, else the makefile's.

    Empty where the variable is set to nothing, or to what no shell would read.
    """
    values = host.ask(AskEnvironment((variable,)))
    if not isinstance(values, Variables) or variable not in values.values:
        return (default,)
    try:
        return tuple(shlex.split(values.values[variable]))
    except ValueError:
        return ()


def choose(  # noqa: PLR0913  (what is asked for, and where else to look)
    host: Host,
    variable: str,
    default: str,
    judge: Callable[[Argv], Judged],
    others: tuple[tuple[str, ...], ...],
    *,
    rather: Judged | None = None,
) -> Chosen:
    """The makefile's own tool if it is fit; else `rather`, a fit one, or the best fit of `others`.

    `others` are sets of patterns as for `FindExecutables`, which sorts the highest version first;
    an earlier set is better than a later one.
    """
    words = tool_words(host, variable, default)
    first = judge(words) if words else Judged((), "missing", "", f"{variable} is set to nothing")
    if first.fit or first.state == "unproven":
        return Chosen(variable, first, first)
    if rather is not None:
        return Chosen(variable, rather, first)
    for argv in _candidates(host, ((default,), *others)):
        judged = judge(argv) if argv != words else first
        if judged.fit:
            return Chosen(variable, judged, first)
    return Chosen(variable, first, first)


def _candidates(host: Host, sets: tuple[tuple[str, ...], ...]) -> Iterator[Argv]:
    """Each executable once, by its bare name where PATH leads to the same file."""
    met: set[str] = set()
    for patterns in sets:
        found = host.ask(FindExecutables(patterns))
        for path in found.paths if isinstance(found, FoundTools) else ():
            full, bare = host.ask(FindTool(path)), host.ask(FindTool(os.path.basename(path)))
            if isinstance(full, NoAnswer) or full.resolved in met:
                continue
            met.add(full.resolved)
            same = not isinstance(bare, NoAnswer) and bare.resolved == full.resolved
            yield (os.path.basename(path) if same else path,)


def absent(host: Host, argv: Argv) -> Judged | None:
    """The judgement on a tool that is not there at all; None where there is a file to run."""
    question = FindTool(argv[0])
    answer = host.ask(question)
    if isinstance(answer, NoAnswer) and answer.absent:
        trouble = f"{argv[0]} is not {'an executable file' if '/' in argv[0] else 'on PATH'}"
        return Judged(argv, "missing", "", trouble, (evidence(question, answer),))
    return None


def looked_at(host: Host, argv: Argv) -> Judged:
    """The judgement on an executable that must not be run: only whether it is for this machine.

    Another machine's may still run here (binfmt_misc), so that is not held against it.
    """
    asked, ours = AskExecutable(argv[0]), AskExecutable("/proc/self/exe")
    answer, interpreter = host.ask(asked), host.ask(ours)
    seen = (evidence(asked, answer), evidence(ours, interpreter))
    unrun = "not run, for nothing of a checkout runs without a build"
    if isinstance(answer, NoAnswer):
        return Judged(argv, "unclear", "", f"{argv[0]}: {answer.shown()}; {unrun}", seen)
    if isinstance(interpreter, NoAnswer) or answer != interpreter:
        trouble = f"{argv[0]} is {answer.shown()}, this interpreter {interpreter.shown()}; {unrun}"
        return Judged(argv, "unclear", "", trouble, seen)
    return Judged(argv, "unproven", "", f"{argv[0]} is {answer.shown()}; {unrun}", seen)


def misbehaving(argv: Argv, question: Question[Answer], answer: Answer) -> Judged | None:
    """The judgement on a tool that did not run to a good end; None where it did."""
    seen = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        state: State = "unfit" if answer.reason in REFUSALS else "unclear"
        how = "cannot be started" if state == "unfit" else "did not answer"
        return Judged(argv, state, "", f"{argv[0]} {how}: {answer.shown()}", seen)
    if not isinstance(answer, Completed) or answer.ok:
        return None
    if answer.signal:  # the kernel kills for want of memory: that is not the tool's doing
        state = "unclear" if answer.signal == "SIGKILL" else "unfit"
        return Judged(argv, state, "", f"{argv[0]} is killed by {answer.signal}", seen)
    lines = [line.strip() for line in answer.output.splitlines() if line.strip()]
    says = f": {lines[0][:200]}" if lines else ""
    return Judged(argv, "unfit", "", f"{argv[0]} exits {answer.exit_code}{says}", seen)


def verdict_on(chosen: Chosen, good: str, capability: str) -> Finding:
    """What follows for a tool: `good` is the summary of one that is fit and will be taken."""
    return verdict_on_all((chosen,), good, capability)


def verdict_on_all(chosen: Sequence[Chosen], good: str, capability: str) -> Finding:
    """What follows for tools of one kind, of which a build needs each; the worst decides."""
    seen = tuple(dict.fromkeys(piece for each in chosen for piece in each.seen))
    unfit = [each for each in chosen if not each.fit]
    others = [each for each in chosen if each.fit and not each.is_default]
    if unfit:
        return _unfit(unfit, seen, capability)
    if not others:
        return Finding(Status.PASS, good, evidence=seen)
    troubles = "; ".join(dict.fromkeys(each.default.trouble for each in others))
    works = ", ".join(dict.fromkeys(each.used.words for each in others))
    summary = f"{troubles}; {works} works"
    return Finding(Status.WARN, summary, evidence=seen, fixes=(_use(others),))


def _unfit(unfit: Sequence[Chosen], seen: tuple[Evidence, ...], capability: str) -> Finding:
    trouble = "; ".join(dict.fromkeys(each.default.trouble for each in unfit))
    states = {each.default.state for each in unfit}
    if states == {"unproven"}:
        build = Run(("bpfdoctor", "check"), text="builds, and so runs it")
        return Finding(Status.WARN, trouble, evidence=seen, fixes=(build,))
    if states <= {"unclear", "unproven"}:
        words = "; ".join(dict.fromkeys(each.default.words for each in unfit))
        find_out = ByHand(f"see what it does by hand: {words}")
        return Finding(Status.UNKNOWN, trouble, evidence=seen, fixes=(find_out,))
    return Finding(Status.FAIL, trouble, evidence=seen, fixes=(Install((capability,)),))


def _use(others: Sequence[Chosen]) -> ByHand:
    if others[0].variable == "MAKE":
        return ByHand(f"build with `{others[0].used.words}` in place of make")
    return ByHand(f"build with `make {shlex.join(each.override for each in others)}`")


def version_in(text: str, name: str) -> str:
    """The version that follows `name`: `14.0.6` in "Debian clang version 14.0.6"; or empty."""
    found = re.search(rf"\b{name}\s+(?:version\s+)?v?(\d+(?:\.\d+)*)", text, re.IGNORECASE)
    return found.group(1) if found else ""


def older(version: str, minimum: str) -> bool:
    """Whether a version of numbers and dots is below another."""
    return _numbers(version) < _numbers(minimum)


def _numbers(version: str) -> list[int]:
    numbers = [int(part[:9]) for part in re.findall(r"\d+", version)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
