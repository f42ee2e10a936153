"""`bpfdoctor smoke`."""

from __future__ import annotations

from typing import Any

import click

from bpfdoctor.cli import formats, parameters
from bpfdoctor.cli.parameters import Given
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.report.documents import DocumentKind

EPILOG = """\b
Examples:
  $ bpfdoctor smoke                  the project's own default, stage by stage
  $ bpfdoctor smoke bootstrap        one program
  $ bpfdoctor smoke minimal --sudo   built as you, run as root
  $ bpfdoctor smoke --format json=smoke.json    text here, JSON in the file
  $ bpfdoctor smoke --all            every program that leaves the rest of the machine alone
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@click.argument("program", required=False, default="", shell_complete=parameters.complete_programs)
@click.option(
    "--all",
    "all_programs",
    is_flag=True,
    help="Run every program of the project, and hold what was predicted against what is seen.",
)
@formats.option("the report", DocumentKind.REPORT)
@parameters.place
@parameters.machine
@click.pass_context
def command(ctx: click.Context, /, program: str, all_programs: bool, **shared: Any) -> int:
    """Build and run PROGRAM for real and see its event.

    Without PROGRAM, the default programs of the project, or outside any a small program of our own.
    Only what is seen counts: what the programs need is examined to say why one stops. With --all
    everything is judged, as `check` does, and a program that disturbs the rest of the machine while
    it runs is left out: name it.
    """
    from bpfdoctor.cli.examine import examined
    from bpfdoctor.cli.render import render

    if program and all_programs:
        raise BpfDoctorError("--all takes no program", "leave one of them out")
    targets = (program,) if program else ()
    given = Given(targets=targets, proof=not all_programs, **shared)
    run = examined(given, every_program=all_programs)
    render(run, ctx.obj, sudo=given.sudo)
    return run.report.verdict.exit
