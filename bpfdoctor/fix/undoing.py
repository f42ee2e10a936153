"""`bpfdoctor undo` without its arguments: show what would be taken back, ask, do it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.apply import Patience
from bpfdoctor.fix.consent import consented
from bpfdoctor.fix.elevate import Elevation
from bpfdoctor.fix.journal import Journal, Run, Undone, read_run, runs, state_directory
from bpfdoctor.fix.options import DID_NOT_TAKE, FixOptions, Voice
from bpfdoctor.fix.plan import Plan
from bpfdoctor.fix.show import commands_text, plan_text
from bpfdoctor.fix.speaking import applier_of
from bpfdoctor.fix.undo import PREFIX, undo_plan
from bpfdoctor.host.live import LiveHost
from bpfdoctor.host.machine import Machine


def run_undo(
    name: str,
    options: FixOptions,
    machine: Machine,
    voice: Voice,
    *,
    patience: Patience = Patience(),  # noqa: B008  (frozen)
) -> int:
    """Take back what a run changed (the newest that changed something, if `name` is empty).

    0 when nothing is left to take back; 1 when it was declined; 4 when a step failed. Raises
    BpfDoctorError for a run that there is not.
    """
    host = LiveHost(Machine(machine.environ))
    try:
        run = _run_named(name, machine, host)
        plan = undo_plan(run, host) if run else Plan()
    finally:
        host.close()
    if options.dry_run:
        voice.write(_undo_shown(plan, as_json=options.json))
        return 1 if plan.steps else 0
    if run is None or not plan.steps:
        voice.say("There is nothing to take back.")
        if plan.manual:
            voice.say(plan_text(plan).rstrip("\n"))
        return 0
    return _take_back(run, plan, options, machine, voice, patience)


def _undo_shown(plan: Plan, *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.format(msgspec.json.encode(plan)).decode() + "\n"
    return plan_text(plan, "What would be taken back, newest first:")


def _run_named(name: str, machine: Machine, host: LiveHost) -> Run | None:
    directory = state_directory(machine.environ)
    if name:
        path = directory / f"{name}.jsonl"
        if "/" in name or not path.is_file():
            known = ", ".join(run.name for run in runs(directory)[:5]) or "none"
            raise BpfDoctorError(f"there is no run {name}", f"the newest runs: {known}")
        return read_run(path)
    return next((run for run in runs(directory) if undo_plan(run, host).steps), None)


def _take_back(  # noqa: PLR0913, PLR0917  (as run_undo)
    run: Run, plan: Plan, options: FixOptions, machine: Machine, voice: Voice, patience: Patience
) -> int:
    voice.say(plan_text(plan, f"Taking back the run of {run.started}, newest first:").rstrip("\n"))
    agreed = consented(plan, yes=options.yes, ask=voice.ask)
    if not agreed.steps:
        voice.say("Nothing was done.")
        return 1
    elevation = Elevation(machine.environ, terminal=voice.terminal)
    if agreed.privileged and elevation.prefix() is None:
        voice.say(f"Root is needed and {elevation.refused}. As root:")
        voice.write(commands_text(agreed))
        return 1
    journal = Journal(Path(run.path))
    applier = applier_of(machine, elevation, voice, patience)
    good = True
    for step in agreed.steps:
        voice.say(step.title)
        done, after = applier.run_one(step)
        index = int(step.id.removeprefix(PREFIX))
        journal.write(Undone(index, step.argv, done.result, after.output))
        good = good and done.result == "done"
    if not good:
        return DID_NOT_TAKE
    return 0 if len(agreed.steps) == len(plan.steps) else 1
