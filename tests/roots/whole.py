"""Runs in a root: `fix` or `undo` from end to end, with the real engine, without a terminal.

whole.py fix|undo [--yes] [--dry-run] [--json] [-C DIRECTORY]
whole.py init URL [--yes] -C DIRECTORY
"""

from __future__ import annotations

import shlex
import sys

from bpfdoctor.cli.examine import examined
from bpfdoctor.cli.parameters import Given
from bpfdoctor.fix.command import Wanted, run_fix
from bpfdoctor.fix.init import run_init
from bpfdoctor.fix.options import FixOptions, Voice
from bpfdoctor.fix.undoing import run_undo
from bpfdoctor.host.elevated import command
from bpfdoctor.host.machine import Machine
from bpfdoctor.model import Report


def say(text: str) -> None:
    """To standard error, line by line."""
    sys.stderr.write(text + "\n")


def main() -> int:
    """Do what the arguments say."""
    action, *rest = sys.argv[1:]
    directory = rest[rest.index("-C") + 1] if "-C" in rest else "."

    def check(wanted: Wanted) -> Report:
        given = Given(directory=directory, smoke=wanted.smoke, sudo=wanted.elevated)
        report = examined(given).report
        say(f"{wanted}: {report.verdict.summary}")
        return report

    options = FixOptions(
        yes="--yes" in rest,
        dry_run="--dry-run" in rest,
        json="--json" in rest,
        proof=shlex.join(("sudo", *command())),
    )
    machine = Machine()
    voice = Voice(sys.stdout.write, say, lambda question: None, terminal=False)
    if action == "undo":
        return run_undo("", options, machine, voice)
    if action == "init":
        return run_init(directory, rest[0], options, check, machine, voice)
    return run_fix(options, check, machine, voice)


if __name__ == "__main__":
    sys.exit(main())
