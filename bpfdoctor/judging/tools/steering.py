"""Which variables of the environment keep a tool from working: found by leaving them out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bpfdoctor.host.question import Host, NoAnswer, evidence
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.compile import Compile, Compiled
from bpfdoctor.judging.tools.error_line import first_error
from bpfdoctor.judging.tools.tool_verdict import Argv
from bpfdoctor.model import Evidence

Names = tuple[str, ...]
"""Variables of the environment."""


class Tried(msgspec.Struct, frozen=True):
    """One attempt: whether it worked (None: nothing follows from it), and what was seen."""

    works: bool | None
    seen: Evidence
    said: str = ""


BuildStep = Callable[[Names], Tried]
"""A step of a build, tried without these variables."""


class Cause(msgspec.Struct, frozen=True):
    """The variables that keep a step from working: it fails with them and works without.

    `said` is the error, `seen` the attempt that failed and the one that worked.
    """

    variables: Names
    said: str
    seen: tuple[Evidence, ...]


def cause_of(step: BuildStep, variables: Names) -> Cause | None:
    """The fewest of `variables` without which a failing step works; None where it works with all
    of them, or fails without any too: then they are not the cause."""
    whole = step(())
    if whole.works is not False:
        return None
    for name in variables:
        alone = step((name,))
        if alone.works:
            return Cause((name,), whole.said, (whole.seen, alone.seen))
    if not step(variables).works:
        return None
    needed = _fewest(step, variables)
    return Cause(needed, whole.said, (whole.seen, step(needed).seen))


def _fewest(step: BuildStep, variables: Names) -> Names:
    """Those of `variables` of which none can be kept."""
    needed = variables
    for name in variables:
        fewer = tuple(each for each in needed if each != name)
        if step(fewer).works:
            needed = fewer
    return needed


def compiling(host: Host, question_without: Callable[[Names], Compile]) -> BuildStep:
    """A step that compiles; where the program is run, it must also run to a good end."""

    def step(left_out: Names) -> Tried:
        question = question_without(left_out)
        answer = host.ask(question)
        seen = evidence(question, answer)
        if isinstance(answer, NoAnswer):
            return Tried(None, seen)
        return Tried(answer.ok and _ran(question, answer), seen, _error_of(answer))

    return step


def _ran(question: Compile, answer: Compiled) -> bool:
    return not question.run or (isinstance(answer.run, Completed) and answer.run.ok)


def _error_of(answer: Compiled) -> str:
    ran = answer.run
    if answer.ok and isinstance(ran, Completed):
        return first_error(ran.output) or ran.shown()
    return first_error(answer.log) or answer.shown()[:200]


def starting(host: Host, argv: Argv, owner_of: str = "") -> BuildStep:
    """A step that starts a tool, which then only says what it is."""

    def step(left_out: Names) -> Tried:
        unset = tuple(word for name in left_out for word in ("-u", name))
        words = ("env", *unset, *argv) if unset else argv
        question = RunCommand(words, cwd="/", owner_of=owner_of)
        answer = host.ask(question)
        seen = evidence(question, answer)
        if isinstance(answer, NoAnswer):
            return Tried(None, seen)
        return Tried(answer.ok, seen, first_error(answer.output))

    return step
