"""What a check is: a function of one `Context` that returns findings.

    @check("kernel.btf", title="kernel BTF", requires=())
    def kernel_btf(context: Context) -> Finding | None:
        '''What it asks, why it matters, what to do: shown by `bpfdoctor explain kernel.btf`.'''

A check asks `context.host` questions and returns a finding, several (one for each `about`), or
None where it does not apply. It prints nothing and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from bpfdoctor.host.limited import CHECK_LIMIT
from bpfdoctor.host.question import A, Host, NoAnswer, Question
from bpfdoctor.model import Evidence, Finding, Fix, Run, Selection, Status
from bpfdoctor.projects.model import Project

ASK_AS_ROOT = Run(("bpfdoctor", "check", "--sudo"), text="asks the kernel as root, nothing else")
"""The fix of what only root can find out."""

Findings = Finding | Iterable[Finding] | None
"""What a check may return."""


class Context(msgspec.Struct, frozen=True):
    """All that a check may know: the machine, the project, and what the run is about."""

    host: Host
    project: Project
    selection: Selection = Selection()
    may_build: bool = True
    """The user asked to build: before that, no program that lies in the checkout is run."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """Ask the host."""
        return self.host.ask(question)


def _always(project: Project) -> bool:
    return True


class Check(msgspec.Struct, frozen=True):
    """A check as the engine knows it; made by `check`.

    `requires` are keys that must pass before this check is worth running. `explained_by` are keys
    whose failure, but not whose silence, is the cause of this one's. `excused_by` are keys that
    this check runs without, but behind which all that it finds wrong is a `skip`. `gates`: it
    counts whatever program is selected. `applies`: whether a project leaves it anything to judge;
    where not, it finds nothing, whatever became of what it requires.
    """

    id: str
    title: str
    run: Callable[[Context], Findings]
    requires: tuple[str, ...] = ()
    gates: bool = False
    limit: float = CHECK_LIMIT
    """Seconds that it may take before it is given up as `error`."""
    applies: Callable[[Project], bool] = _always
    explained_by: tuple[str, ...] = ()
    excused_by: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """Ids of checks with which it runs: it warns, and is nobody's need."""

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The keys that are judged before this check."""
        return (*self.requires, *self.explained_by, *self.excused_by)

    @property
    def subject(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def doc(self) -> str:
        """What a user reads: the docstring of the function."""
        return self.run.__doc__ or ""


def check(  # noqa: PLR0913  (each is a part of the check)
    check_id: str,
    *,
    title: str,
    requires: tuple[str, ...] = (),
    gates: bool = False,
    limit: float = CHECK_LIMIT,
    applies: Callable[[Project], bool] = _always,
    explained_by: tuple[str, ...] = (),
    excused_by: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
) -> Callable[[Callable[[Context], Findings]], Check]:
    """Make a check of a function. `check_id` is `subject.what`, lower case, for ever."""
    if not re.fullmatch(r"[a-z0-9]+\.[a-z0-9]+(-[a-z0-9]+)*", check_id):
        raise ValueError(f"{check_id!r} is not a check id: subject.what, lower case")

    def decorate(function: Callable[[Context], Findings]) -> Check:
        return Check(
            check_id,
            title,
            function,
            requires,
            gates,
            limit,
            applies,
            explained_by,
            excused_by,
            beside,
        )

    return decorate


def _finding(
    status: Status,
    summary: str,
    about: str,
    seen: Iterable[Evidence],
    fixes: Iterable[Fix],
) -> Finding:
    return Finding(status, summary, about=about, evidence=tuple(seen), fixes=tuple(fixes))


def passed(
    summary: str, *, about: str = "", seen: Iterable[Evidence] = (), fixes: Iterable[Fix] = ()
) -> Finding:
    """Positive evidence that it works; `summary` holds the value that decided it."""
    return _finding(Status.PASS, summary, about, seen, fixes)


def warned(
    summary: str,
    *,
    about: str = "",
    seen: Iterable[Evidence] = (),
    fixes: Iterable[Fix] = (),
    explains: tuple[str, ...] = (),
) -> Finding:
    """It works, or may; something about it will surprise. `explains`: see `Finding`."""
    found = _finding(Status.WARN, summary, about, seen, fixes)
    return msgspec.structs.replace(found, explains=explains)


def failed(
    summary: str, *, about: str = "", seen: Iterable[Evidence] = (), fixes: Iterable[Fix] = ()
) -> Finding:
    """Positive evidence that it does not work; never for want of privilege or of an answer."""
    return _finding(Status.FAIL, summary, about, seen, fixes)


def unknown(
    summary: str, *, about: str = "", seen: Iterable[Evidence] = (), fixes: Iterable[Fix] = ()
) -> Finding:
    """The machine would not tell; a fix holds the command that would find out."""
    return _finding(Status.UNKNOWN, summary, about, seen, fixes)


def blocked(summary: str, by: Iterable[str], *, about: str = "") -> Finding:
    """It cannot be judged before the findings with these keys are mended."""
    return Finding(Status.SKIP, summary, about=about, blocked_by=tuple(by))
