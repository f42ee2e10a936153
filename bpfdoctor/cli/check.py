"""`bpfdoctor check`."""

from __future__ import annotations

from typing import Any

import click

from bpfdoctor.cli import formats, objects, parameters
from bpfdoctor.cli.boundary import USAGE
from bpfdoctor.cli.parameters import Given
from bpfdoctor.cli.terminal import say
from bpfdoctor.report.documents import DocumentKind

EPILOG = """\b
Examples:
  $ bpfdoctor check                              everything, ending with a smoke test
  $ bpfdoctor check --for minimal --for bootstrap:build
  $ bpfdoctor check --no-smoke --json            for a gate: nothing is built or run
  $ bpfdoctor check --format json=report.json    text here, JSON in the file
  $ bpfdoctor check --sudo                       run privileged probes through sudo
  $ bpfdoctor check --only kernel.btf --only toolchain.clang
  $ bpfdoctor check --object build/*.bpf.o       compiled objects: would they load, attach?
  $ bpfdoctor check --object a.bpf.o:load --for handle_exec
  $ bpfdoctor check --record here.snapshot       report and snapshot of one run
  $ bpfdoctor check --from there.snapshot        judge another machine, offline

\b
Exit status: 0 ready, 1 not ready, 2 usage, 3 undetermined, 5 bpfdoctor broke.
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@formats.option("the report", DocumentKind.REPORT)
@click.option(
    "--smoke/--no-smoke",
    default=True,
    help="Build and run the programs (the default), or only predict whether they would run.",
)
@objects.option("FILE[:STAGE]")
@parameters.targets
@parameters.place
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    shell_complete=parameters.complete_checks,
    help="Run only this check, and what it requires.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="ID",
    shell_complete=parameters.complete_checks,
    help="Leave this check out.",
)
@parameters.machine
@click.option("--record", default="", metavar="FILE", help="Write a snapshot of this run too.")
@click.option(
    "--from", "snapshot", default="", metavar="FILE", help="Judge a recorded machine, not this one."
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    record: str,
    named: tuple[str, ...],
    more: tuple[str, ...],
    **shared: Any,
) -> int:
    """Check this machine and checkout, ending with a smoke test.

    In a libbpf-bootstrap checkout, its default programs are built and run; anywhere else, a small
    program of our own. With --object, compiled BPF objects are judged in their place, up to
    attach unless another stage is named: they are read, and not run.
    """
    from bpfdoctor.cli.examine import examined
    from bpfdoctor.cli.render import render

    given = Given(objects=objects.asked(ctx, named, more), **shared)
    run = examined(given, record=record)
    render(run, ctx.obj, sudo=given.sudo)
    if run.unwritten is not None:  # behind the report, which took long; its JSON stays one document
        say(f"bpfdoctor: {run.unwritten.message}")
        return USAGE
    return run.report.verdict.exit
