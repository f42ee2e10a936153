"""Taking a run back: newest step first, and only what that run added."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec.structs import replace

from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.fix.journal.read import JournaledRun, Record
from bpfdoctor.fix.journal.undo_state import digest_of, gone
from bpfdoctor.fix.journal.write import Before
from bpfdoctor.fix.managers.registry import MANAGERS
from bpfdoctor.fix.plan import Manual, Plan, Step
from bpfdoctor.host.question import Host

PREFIX = "undo:"
"""Before the index of the step that is taken back, in the id of the step that does."""


def undo_plan(run: JournaledRun, host: Host) -> Plan:
    """The steps that take a run back. What somebody else changed since is left, and explained."""
    steps: list[Step] = []
    manual: list[Manual] = []
    for index in reversed(range(len(run.records))):
        record = run.records[index]
        if record.undone or _never_ran(record):
            continue
        freed = {step.argv[-1] for step in steps if step.argv[0] == "rm"}
        found = _undo_of(record, run.boot, host, freed)
        if isinstance(found, Manual):
            manual.append(found)
        else:
            steps += _numbered(found, index)
    return Plan(tuple(steps), tuple(manual))


def index_of(step: Step) -> int:
    """The record, counted from 0, that a step of such a plan takes back."""
    return int(step.id.removeprefix(PREFIX).partition(".")[0])


def _numbered(steps: Sequence[Step], index: int) -> list[Step]:
    """`undo:3`, then `undo:3.1`: each after the one before it."""
    ids = [f"{PREFIX}{index}" + (f".{n}" if n else "") for n in range(len(steps))]
    befores = [(), *((each,) for each in ids)]
    return [
        replace(step, id=name, after=after)
        for step, name, after in zip(steps, ids, befores, strict=False)
    ]


def _never_ran(record: Record) -> bool:
    """It ended, and not well: it changed nothing that we know how to take back (but packages)."""
    after = record.after
    return after is not None and after.result == "failed" and record.before.step.kind != "install"


def _undo_of(record: Record, boot: str, host: Host, freed: set[str]) -> Sequence[Step] | Manual:
    step = record.before.step
    if step.kind == "install":
        return _remove(record, host)
    if step.output:
        return _delete(record)
    left = gone(record, boot, host, freed) if step.undo else True
    if left:
        return left if isinstance(left, Manual) else ()
    return (
        Step(
            id="",
            kind="run",
            title=f"take back: {step.title}",
            argv=step.undo,
            why=step.why,
            privileged=step.privileged,
            cwd=step.cwd,
            owner_of=step.owner_of,
        ),
    )


def _remove(record: Record, host: Host) -> Sequence[Step] | Manual:
    """The packages that it added and that are still there.

    Where it was cut off, those of what it was to add that have come since.
    """
    before, after = record.before, record.after
    known = before.intended if after is None or after.added is None else after.added
    since = _come_since(before, host)
    if known is None:
        return _unknown(before.step, since) if since else ()
    names = sorted(since & set(known))
    commands = _removals(before, names) if names else ()
    titles = (f"remove the {len(names)} packages that it added", "remove the settings they left")
    note = "the run was cut off: this is what it was to install and what has come since it began"
    notes = (note,) if record.cut_off else ()
    step = replace(before.step, kind="remove", packages=tuple(names), notes=notes, undo_text="")
    return [
        replace(step, argv=argv, title=title) for argv, title in zip(commands, titles, strict=False)
    ]


def _come_since(before: Before, host: Host) -> frozenset[str]:
    """Packages that are here, or have left their settings, and were not before."""
    manager = MANAGERS[before.step.manager]
    there = manager.everything(host)
    if there is None or before.packages is None:
        return frozenset()
    left = manager.leftovers(host) - set(before.leftovers)
    return (there | left) - set(before.packages)


def _removals(before: Before, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    command = catalogue().managers[before.step.manager].remove
    return MANAGERS[before.step.manager].removals(command, names, before.leftovers)


def _unknown(step: Step, since: frozenset[str]) -> Manual:
    remove = " ".join(catalogue().managers[step.manager].remove)
    text = (
        f"{step.title}: the run was cut off, and which of these it added is not known: "
        f"{' '.join(sorted(since))}. As root, with those that nobody else has installed: {remove}"
    )
    return Manual(step.why, text)


def _delete(record: Record) -> Sequence[Step] | Manual:
    """A file that it wrote, if nobody has changed it since."""
    step, after = record.before.step, record.after
    if not record.before.fresh or not os.path.lexists(step.output):
        return ()
    digest = digest_of(step.output)
    if after is None or not digest or digest != after.digest:
        return Manual(step.why, f"{step.output} is not as it was written: it is left alone")
    return (
        Step(
            id="",
            kind="run",
            title=f"remove {step.output}",
            argv=("rm", "--", step.output),
            why=step.why,
            owner_of=step.owner_of,
        ),
    )
