"""`bpfdoctor smoke`."""

from __future__ import annotations

from typing import Any

import click

from bpfdoctor.cli import parameters
from bpfdoctor.cli.output import Output
from bpfdoctor.cli.parameters import Given

SUBJECT = "smoke"
"""The subject of the checks that a smoke makes."""

EPILOG = """\b
Examples:
  bpfdoctor smoke                  the project's own default, stage by stage
  bpfdoctor smoke bootstrap        one program
  bpfdoctor smoke minimal --sudo   built as you, run as root
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@click.argument("program", required=False, default="", shell_complete=parameters.complete_programs)
@parameters.json_flag("Print the report as JSON.")
@parameters.place
@parameters.machine
@click.pass_context
def command(ctx: click.Context, /, program: str, as_json: bool, **shared: Any) -> int:
    """Build and run PROGRAM for real and see its event.

    Without PROGRAM, the default programs of the project. Nothing else is judged, and the exit
    status is that of the proof alone.
    """
    from bpfdoctor.cli.examine import examined
    from bpfdoctor.cli.show import show

    output: Output = ctx.obj
    targets = (program,) if program else ()
    given = Given(targets=targets, only=(SUBJECT,), **shared)
    run = examined(given)
    show(run, output, as_json=as_json, sudo=given.sudo)
    return run.report.verdict.exit
