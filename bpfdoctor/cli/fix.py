"""`bpfdoctor fix`."""

from __future__ import annotations

from typing import Any

import click

from bpfdoctor.cli import formats, parameters
from bpfdoctor.cli.parameters import Given
from bpfdoctor.report.documents import DocumentKind
from bpfdoctor.shell import command_line

EPILOG = """\b
Examples:
  $ bpfdoctor fix                        shows the plan, asks once, repairs, proves
  $ bpfdoctor fix --yes                  the same without asking (CI, containers)
  $ bpfdoctor fix --dry-run --json       the plan as data
  $ bpfdoctor fix --dry-run --format json=plan.json    text here, JSON in the file
  $ bpfdoctor fix libraries.libelf       only this
  $ bpfdoctor fix toolchain              only this group
  $ bpfdoctor fix --for bootstrap:build  only what one program needs
  $ bpfdoctor undo                       takes back what the last run changed

\b
Exit status: 0 ready, 1 not ready or declined, 2 usage, 3 undetermined, 4 something was applied and
did not take, 5 bpfdoctor broke. With --dry-run: 0 nothing to do, 1 something.
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=parameters.complete_checks)
@parameters.targets
@parameters.repair
@formats.option(
    "the last report (with --dry-run: the plan)", DocumentKind.REPORT, dry_run=DocumentKind.PLAN
)
@parameters.place
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    ids: tuple[str, ...],
    prove: bool,
    dry_run: bool,
    yes: bool,
    **shared: Any,
) -> int:
    """Repair what keeps the selected programs from running, and prove it.

    The plan is shown before anything is done: what, why, the exact commands, and how each is taken
    back. ID names a finding of `bpfdoctor check`, or a group of them, to repair instead of all that
    is needed.
    """
    from bpfdoctor.cli.fix_session import Checks, voice
    from bpfdoctor.cli.render import render
    from bpfdoctor.fix.commands.fix import run_fix
    from bpfdoctor.fix.commands.options import FixOptions
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.model import Report

    checks = Checks(Given(**shared), [])
    proof = proof_command(checks.given)
    options = FixOptions(named(ids), yes, dry_run, prove, proof)

    def finish(report: Report) -> None:
        render(checks.runs[-1], ctx.obj)

    return run_fix(options, checks.again, Machine(), voice(ctx.obj), finish=finish)


def named(names: tuple[str, ...]) -> tuple[str, ...]:
    """The findings that are meant: a group is its checks, a key with an `[about]` stays as it is.

    Raises BpfDoctorError for the name of no check, with the near miss.
    """
    from bpfdoctor.engine.select import expand
    from bpfdoctor.engine.session import all_checks

    ids = [check.id for check in all_checks().checks] if names else []
    keys = tuple(name for name in names if "[" in name)
    expand(keys, ids)
    return (*keys, *sorted(expand([name for name in names if name not in keys], ids)))


def proof_command(given: Given) -> str:
    """What a user would type to have the proof made as root."""
    from bpfdoctor.cli.self_command import own_command

    targets = [word for target in given.targets for word in ("--for", target)]
    place = ["-C", given.directory] if given.directory else []
    return command_line([*own_command(), "check", "--sudo", *place, *targets])
