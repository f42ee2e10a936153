"""`bpfdoctor programs`."""

from __future__ import annotations

from typing import Any

import click

from bpfdoctor.cli import formats, objects, parameters
from bpfdoctor.cli.destinations import Destinations
from bpfdoctor.cli.parameters import Given
from bpfdoctor.report.documents import DocumentKind, ProgramsDocument

EPILOG = """\b
Examples:
  $ bpfdoctor programs                               of the checkout that this directory is in
  $ bpfdoctor programs --project libbpf-bootstrap    without one: what machine and user allow
  $ bpfdoctor programs --object mine.bpf.o           of a compiled BPF object, whoever's it is
  $ bpfdoctor programs --object build/*.bpf.o        of several
  $ bpfdoctor programs --object mine.bpf.o --from there.snapshot
  $ bpfdoctor programs --json --sudo
  $ bpfdoctor programs --format json=programs.json    text here, JSON in the file
  $ bpfdoctor programs --from there.snapshot         on another machine, offline

\b
Exit status: 0 the table was made, 2 usage, 5 bpfdoctor broke. `bpfdoctor check` judges.
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@formats.option("the table", DocumentKind.PROGRAMS)
@parameters.place
@parameters.machine
@objects.option("FILE")
@click.option(
    "--from", "snapshot", default="", metavar="FILE", help="Ask a recorded machine, not this one."
)
@click.pass_context
def command(
    ctx: click.Context, /, named: tuple[str, ...], more: tuple[str, ...], **shared: Any
) -> int:
    """Which programs would be built, load, attach and fire here, and what is in the way.

    Nothing is built and no program of the project is run; what is said is predicted from live
    probes of the kernel. Each row says where its facts come from: the BPF sources of a checkout
    are compiled apart, as its owner, and their objects are looked into. An object is read and not
    loaded: its maps, calls, types and targets are tried one by one, but what the verifier says of
    its code as a whole is not known before.
    """
    from bpfdoctor.cli.examine import examined

    destinations: Destinations = ctx.obj
    given = Given(smoke=False, objects=objects.asked(ctx, named, more, whole=True), **shared)
    run = examined(given, table=True)
    of_object = bool(given.objects)
    destinations.write(ProgramsDocument(run.report, of_object=of_object), run.redactor)
    return 0
