"""Taking a run back: newest step first, and only what that run added."""

from __future__ import annotations

from msgspec.structs import replace

from bpfdoctor.fix.catalogue import catalogue
from bpfdoctor.fix.installed import installed_before
from bpfdoctor.fix.journal import Record, Run
from bpfdoctor.fix.plan import Manual, Plan, Step
from bpfdoctor.fix.writing import digest_of
from bpfdoctor.host.question import Host

PREFIX = "undo:"
"""Before the index of the step that is taken back, in the id of the step that does."""


def undo_plan(run: Run, host: Host) -> Plan:
    """The steps that take a run back. What somebody else changed since is left, and explained."""
    steps: list[Step] = []
    manual: list[Manual] = []
    for index in reversed(range(len(run.records))):
        record = run.records[index]
        if record.undone or _never_ran(record):
            continue
        found = _undo_of(record, host)
        if isinstance(found, Manual):
            manual.append(found)
        elif found is not None:
            steps.append(replace(found, id=f"{PREFIX}{index}"))
    return Plan(tuple(steps), tuple(manual))


def _never_ran(record: Record) -> bool:
    """It ended, and not well: it changed nothing that we know how to take back (but packages)."""
    after = record.after
    return after is not None and after.result == "failed" and record.before.step.kind != "install"


def _undo_of(record: Record, host: Host) -> Step | Manual | None:
    step = record.before.step
    if step.kind == "install":
        return _remove(record, host)
    if step.output:
        return _delete(record)
    if not step.undo:
        return None
    title = f"take back: {step.title}"
    return Step(
        id="",
        kind="run",
        title=title,
        argv=step.undo,
        why=step.why,
        privileged=step.privileged,
        cwd=step.cwd,
        owner_of=step.owner_of,
    )


def _remove(record: Record, host: Host) -> Step | None:
    """The packages that it added and that are still there; after a kill, those that came since."""
    step, after = record.before.step, record.after
    there = set(installed_before(host, step) or ())
    before = set(record.before.packages or ())
    added = sorted(there & set(after.added) if after else there - before)
    if not added or record.before.packages is None:
        return None
    note = "the run was cut off: this is all that was installed since it began"
    return Step(
        id="",
        kind="remove",
        title=f"remove the {len(added)} packages that it added",
        argv=(*catalogue().managers[step.manager].remove, *added),
        why=step.why,
        privileged=step.privileged,
        environment=step.environment,
        manager=step.manager,
        packages=tuple(added),
        notes=() if after else (note,),
    )


def _delete(record: Record) -> Step | Manual | None:
    """A file that it wrote, if nobody has changed it since."""
    step, after = record.before.step, record.after
    digest = digest_of(step.output)
    if not digest or not record.before.fresh:
        return None
    if after is None or digest != after.digest:
        return Manual(step.why, f"{step.output} is not as it was written: it is left alone")
    return Step(
        id="",
        kind="run",
        title=f"remove {step.output}",
        argv=("rm", "--", step.output),
        why=step.why,
        owner_of=step.owner_of,
    )
