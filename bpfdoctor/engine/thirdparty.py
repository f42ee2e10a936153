"""Third-party checks: the modules that installed distributions name, each in a child process."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder

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
from bpfdoctor.engine.isolated import ChildError, Description, Job, do_isolated, trusted_path
from bpfdoctor.engine.load import GROUP, refuse_unsound
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.question import A, Question

DESCRIBE_LIMIT = 20.0
"""Seconds for a module to be imported and to say what checks it holds."""
LONGEST = 300.0
"""Seconds that a third-party check may claim for itself."""


class Entry(msgspec.Struct, frozen=True):
    """An entry point: the name it was given, and the module that holds the checks."""

    name: str
    module: str


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


def entries() -> list[Entry]:
    """The installed entry points, by name. A distribution that cannot be read has none."""
    path = trusted_path()
    if not _may_be_named(path):
        return []
    from importlib.metadata import distributions  # costs start-up time

    found: set[Entry] = set()
    for distribution in distributions(path=path):
        with contextlib.suppress(Exception):  # somebody else's broken installation
            if GROUP in (distribution.read_text("entry_points.txt") or ""):
                points = distribution.entry_points.select(group=GROUP)
                found |= {Entry(p.name, p.value.partition(":")[0].strip()) for p in points}
    return sorted(found, key=lambda entry: (entry.name, entry.module))


def _may_be_named(path: Iterable[str]) -> bool:
    """Whether a distribution on this path may have entries of our group; True where unsure."""
    others = [each for each in sys.meta_path if each is not PathFinder]
    if any(hasattr(each, "find_distributions") for each in others):
        return True
    return any(_may_be_named_in(place) for place in path)


def _may_be_named_in(place: str) -> bool:
    if place.lower().endswith(".egg"):
        return True
    try:
        names = os.listdir(place)
    except FileNotFoundError:
        return False
    except OSError:  # an archive, or unreadable
        return True
    kinds = (".dist-info", ".egg-info")
    return any(_names_us(place, name) for name in names if name.lower().endswith(kinds))


def _names_us(place: str, name: str) -> bool:
    try:
        with open(os.path.join(place, name, "entry_points.txt"), "rb") as file:
            return GROUP.encode() in file.read()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


class _Nowhere:
    """The host of a module that is only to describe itself."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        return NoAnswer("refused", "nothing is asked while a check is loaded")


def _described(entry: Entry) -> list[Description]:
    result = do_isolated(Job(entry.module), _Nowhere(), DESCRIBE_LIMIT)
    told = msgspec.convert(result, list[Description])
    if not told:
        raise ValueError(f"the module {entry.module} holds no check")
    return told


def _proxy(entry: Entry, told: Description) -> Check:
    limit = max(1.0, min(told.limit, LONGEST))

    def run(context: Context) -> Findings:
        job = Job(entry.module, told.id, context.project, context.selection, context.may_build)
        try:
            return msgspec.convert(do_isolated(job, context.host, limit), list[Finding])
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
