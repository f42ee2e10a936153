"""Third-party checks: the modules that installed distributions name, each in a child process.

They ask this process, which never passes them on to root: with `--sudo` too, each sees the machine
as the user does, the same whatever else was asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from bpfdoctor.api import (
    Check,
    Context,
    Evidence,
    Finding,
    Findings,
    NoAnswer,
    Status,
    check,
)
from bpfdoctor.engine.installed import Entry, entries
from bpfdoctor.engine.isolated import ChildError, Description, Job, do_isolated
from bpfdoctor.engine.load import GROUP, refuse_unsound
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.hosts import as_user
from bpfdoctor.host.question import A, Question
from bpfdoctor.typed import from_plain

DESCRIBE_LIMIT = 20.0
"""Seconds for a module to be imported and to say what checks it holds."""
LONGEST = 300.0
"""Seconds that a third-party check may claim for itself."""


def load_third_party(ours: Iterable[Check] = ()) -> list[Check]:
    """The checks of all installed entry points, in the order of their names.

    A module that cannot be used (it does not import, an id is taken, a requirement is unknown)
    becomes one check, which gates, and whose only finding is that `error`: a gate that somebody
    installed must not go missing in silence.
    """
    sound = list(ours)
    found: list[Check] = []
    for entry in entries():
        try:
            checks = [_proxy(entry, told) for told in _described(entry)]
            refuse_unsound([*sound, *checks])
        except (ChildError, BpfDoctorError, ValueError) as error:
            checks = [_unusable(entry, error)]
        sound += checks
        found += checks
    return found


class _Nowhere:
    """The host of a module that is only to describe itself."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        return NoAnswer("refused", "nothing is asked while a check is loaded")


def _described(entry: Entry) -> list[Description]:
    result = do_isolated(Job(entry.module), _Nowhere(), DESCRIBE_LIMIT)
    told = from_plain(result, list[Description])
    if not told:
        raise ValueError(f"the module {entry.module} holds no check")
    return told


def _proxy(entry: Entry, told: Description) -> Check:
    limit = max(1.0, min(told.limit, LONGEST))

    def run(context: Context) -> Findings:
        project = msgspec.structs.replace(
            context.project, judged=tuple(e.without_facts() for e in context.project.judged)
        )
        job = Job(entry.module, told.id, project, context.selection, context.may_build)
        try:
            found = do_isolated(job, as_user(context.host), limit)
            return from_plain(found, list[Finding])
        except (ChildError, ValueError) as error:
            return _broke(f"the third-party check of {entry.module} broke: {error}", error)

    run.__doc__ = told.doc
    # The engine's own limit comes second: it could not end the child.
    make = check(
        told.id, title=told.title, requires=told.requires, gates=told.gates, limit=limit + 10
    )
    return make(run)


def _unusable(entry: Entry, error: Exception) -> Check:
    def run(context: Context) -> Findings:
        return _broke(f"the third-party checks of {entry.module} cannot be used: {error}", error)

    run.__doc__ = f"The entry point {entry.name} = {entry.module} of the group {GROUP}."
    name = (
        re.sub(r"[^a-z0-9]+", "-", f"{entry.name} {entry.module}".lower()).strip("-") or "unnamed"
    )
    return check(f"thirdparty.{name}", title=f"checks of {entry.name}", gates=True)(run)


def _broke(summary: str, error: Exception) -> Finding:
    printed = error.printed if isinstance(error, ChildError) else ""
    seen = (Evidence("what it printed", printed),) if printed else ()
    return Finding(Status.ERROR, summary, evidence=seen)
