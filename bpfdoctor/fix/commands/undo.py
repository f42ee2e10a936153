"""`bpfdoctor undo` without its arguments: show what would be taken back, ask, do it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.applying.applier import Applier
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.applying.obstacles import wait_for_lock
from bpfdoctor.fix.commands.gate import authorize
from bpfdoctor.fix.commands.options import DID_NOT_TAKE, FixOptions, Voice
from bpfdoctor.fix.commands.progress import applier_of
from bpfdoctor.fix.commands.render import plan_text
from bpfdoctor.fix.journal.read import JournaledRun, journal_directory, read_run, runs
from bpfdoctor.fix.journal.undo_plan import index_of, undo_plan
from bpfdoctor.fix.journal.write import Journal, Undone
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.hosts import FreshHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Host
from bpfdoctor.host.redact import Redactor

MOST_NAMED = 5
"""Lines of a journal that are named, of those that cannot be read."""


def run_undo(
    name: str,
    options: FixOptions,
    machine: Machine,
    voice: Voice,
    *,
    patience: Patience = Patience(),  # noqa: B008  (frozen)
) -> int:
    """Take back what a run changed (the newest that changed something, if `name` is empty).

    0 when nothing is left to take back; 1 when it was declined, when a package manager was at work
    too long, or when there are only journals that cannot be used; 4 when a step failed. Raises
    BpfDoctorError for a run that there is not.
    """
    host = FreshHost(Machine(machine.environ))
    run, plan = None, Plan()
    unusable: list[str] = []
    for each in _candidates(name, machine, voice, unusable):
        busy = _at_work(each, host, patience, voice)
        if busy:
            voice.say(busy)
            return 1
        found = undo_plan(each, host)
        plan = Plan(found.steps, plan.manual or found.manual)
        if plan.steps:
            run = each
            break
    if options.dry_run:
        shown = plan_text(plan, "What would be taken back, newest first:")
        voice.plan(plan, shown, Redactor.of(machine))
        return 1 if plan.steps or unusable else 0
    if run is None:
        _say_nothing_left(plan, voice)
        return 1 if unusable else 0
    return _take_back(run, plan, options, machine, voice, patience)


def _say_nothing_left(plan: Plan, voice: Voice) -> None:
    voice.say("There is nothing to take back.")
    if plan.manual:
        voice.say(plan_text(plan))
    if os.geteuid() != 0:
        voice.say("What a run of fix as root has changed is known to root alone: run undo as root.")


def _candidates(
    name: str, machine: Machine, voice: Voice, unusable: list[str]
) -> Iterator[JournaledRun]:
    """The run of that name, or all of them, newest first; which cannot be used is said."""

    def say(text: str) -> None:
        unusable.append(text)
        voice.say(text)

    directory = journal_directory(machine.environ)
    path = directory / f"{name}.jsonl"
    if name and ("/" in name or not path.is_file()):
        known = ", ".join(run.name for run in runs(directory)[:5]) or "none"
        raise BpfDoctorError(f"there is no run {name}", f"the newest runs: {known}")
    for run in [read_run(path)] if name else runs(directory, say):
        if run.unread:
            more = len(run.unread) - MOST_NAMED
            lines = ", ".join(map(str, run.unread[:MOST_NAMED]))
            lines += f" and {more:,} more" if more > 0 else ""
            voice.say(f"{run.path}: not to be read, so not taken back: line {lines}")
        yield run


def _at_work(run: JournaledRun, host: Host, patience: Patience, voice: Voice) -> str:
    """Wait for the managers that a run used, which may be at work for it yet; else who it is."""
    steps = {each.before.step.manager: each.before.step for each in run.records if not each.undone}
    waited = (wait_for_lock(host, step, patience.lock, voice.say) for step in steps.values())
    return next(filter(None, waited), "")


def _take_back(  # noqa: PLR0913, PLR0917  (as run_undo)
    run: JournaledRun,
    plan: Plan,
    options: FixOptions,
    machine: Machine,
    voice: Voice,
    patience: Patience,
) -> int:
    applier = applier_of(machine, voice, patience)
    heading = f"Taking back the run of {run.started}, newest first:"
    agreed = authorize(plan, options, applier.elevation, voice, heading=heading)
    if agreed is None:
        return 1
    good = _each_taken_back(agreed.steps, applier, Journal(Path(run.path)), voice)
    if not good:
        return DID_NOT_TAKE
    return 0 if len(agreed.steps) == len(plan.steps) else 1


def _each_taken_back(
    steps: Sequence[Step], applier: Applier, journal: Journal, voice: Voice
) -> bool:
    """Run them; what a step did is taken back once the last of its own steps has been."""
    failed: set[int] = set()
    last = {index_of(step): step.id for step in steps}
    for step in steps:
        index = index_of(step)
        if index in failed:
            continue
        voice.say(step.title)
        done, after = applier.run_one(step)
        if done.result != "done":
            failed.add(index)
        if index in failed or step.id == last[index]:
            journal.write(Undone(index, step.argv, done.result, after.output))
        if journal.failed:
            voice.say(journal.failed)
            return False
    return not failed
