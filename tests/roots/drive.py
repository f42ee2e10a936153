"""Runs in a root: plan, apply or undo the installation of capabilities, and print it as JSON.

drive.py plan CAPABILITY…      drive.py apply CAPABILITY…      drive.py undo
"""

from __future__ import annotations

import os
import sys

import msgspec

from bpfdoctor.fix.applying.applier import Applied, Applier
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.commands.options import FixOptions, Voice
from bpfdoctor.fix.commands.undo import run_undo
from bpfdoctor.fix.journal.write import Journal, state_directory
from bpfdoctor.fix.plan import Plan
from bpfdoctor.fix.planning.planner import make_plan
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import Install, Reported, Status


class Outcome(msgspec.Struct):
    """What is printed."""

    plan: Plan
    applied: Applied | None = None
    again: Plan | None = None


def say(text: str) -> None:
    """To standard error, line by line."""
    sys.stderr.write(text + "\n")


def planned(capabilities: list[str]) -> Plan:
    """The plan for one needed failure that asks for these capabilities."""
    fix = (Install(tuple(capabilities)),)
    wanting = Reported("test.missing", "", "test.missing", "", Status.FAIL, True, "", (), fix, ())
    return make_plan([wanting], LiveHost(Machine()))


def unshown(plan: Plan, words: str, redactor: Redactor, *, said: bool = False) -> None:
    """Nothing here is a dry run."""


def main() -> int:
    """Do what the arguments say."""
    action, *capabilities = sys.argv[1:]
    machine = Machine(progress=say)
    patience = Patience(lock=float(os.environ.get("LOCK_PATIENCE", "60")))
    if action == "undo":
        voice = Voice(sys.stdout.write, say, lambda question: None, False, unshown)
        return run_undo("", FixOptions(yes=True), machine, voice, patience=patience)
    outcome = Outcome(planned(capabilities))
    if action == "apply":
        applier = Applier(machine, Elevation(machine.environ, terminal=False), say, patience)
        journal = Journal.begin(state_directory(machine.environ), outcome.plan)
        outcome.applied = applier.apply(outcome.plan, journal)
    sys.stdout.write(msgspec.json.encode(outcome).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
