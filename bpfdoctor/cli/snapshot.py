"""`bpfdoctor snapshot`."""

from __future__ import annotations

from typing import Any

import click

from bpfdoctor.cli import parameters
from bpfdoctor.cli.parameters import Given
from bpfdoctor.cli.terminal import say

EPILOG = """\b
Examples:
  $ bpfdoctor snapshot -o here.snapshot          every question, for every program
  $ bpfdoctor snapshot -o here.snapshot --sudo   with the answers that need root
  $ bpfdoctor check --from here.snapshot         elsewhere, offline
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@click.option("-o", "file", required=True, metavar="FILE", help="Where to write the snapshot.")
@click.option(
    "--smoke/--no-smoke",
    default=True,
    help="Build and run the programs too (the default), or only ask.",
)
@parameters.place
@parameters.machine
@click.pass_context
def command(ctx: click.Context, /, file: str, smoke: bool, **shared: Any) -> int:
    """Record every answer of this machine in one redacted file.

    It asks everything for every program of the project. Paths of the checkout, of the home and of
    the cache, and the names of user and host, are replaced.
    The exit status is 0 once the file is written, whatever the machine is like.
    """
    from bpfdoctor.cli.examine import examined

    given = Given(smoke=smoke, **shared)
    run = examined(given, record=file, everything=True)
    if run.unwritten is not None:
        raise run.unwritten
    say(f"wrote {file}; {run.report.verdict.summary}")
    return 0
