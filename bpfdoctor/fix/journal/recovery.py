"""Steps that a killed run left without an end: what they added is noted while it can be told."""

from __future__ import annotations

from pathlib import Path

from bpfdoctor.fix.journal.package_state import added
from bpfdoctor.fix.journal.read import JournaledRun, runs
from bpfdoctor.fix.journal.write import After, Journal
from bpfdoctor.host.question import Host


def close_cut_off(directory: Path, host: Host) -> None:
    """End them in their journals, before anything else is installed; the lock is free.

    A run that is still at work writes its own end behind ours, and the last one counts.
    """
    for run in runs(directory):
        _close(run, host)


def _close(run: JournaledRun, host: Host) -> None:
    last = run.records[-1] if run.records else None
    if last is None or not last.cut_off or last.before.intended is None:
        return
    reason = "it was cut off; a later run saw what it had added"
    found = added(host, last.before)
    if found is not None:
        end = After(last.before.step.id, "interrupted", None, 0, "", reason, found)
        Journal(Path(run.path)).write(end)
