"""`bpfdoctor programs`."""

from __future__ import annotations

from typing import Any

import click

from bpfdoctor.cli import parameters
from bpfdoctor.cli.output import Output
from bpfdoctor.cli.parameters import Given

EPILOG = """\b
Examples:
  bpfdoctor programs                               of the checkout that this directory is in
  bpfdoctor programs --project libbpf-bootstrap    without one: what machine and user allow
  bpfdoctor programs --object mine.bpf.o           of a compiled BPF object, whoever's it is
  bpfdoctor programs --json --sudo
  bpfdoctor programs --from there.snapshot         on another machine, offline

\b
Exit status: 0 the table was made, 2 usage, 5 bpfdoctor broke. `bpfdoctor check` judges.
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@parameters.json_flag("Print the same as JSON.")
@parameters.place
@parameters.machine
@click.option(
    "--object", metavar="FILE", default="", help="Judge the programs of this compiled BPF object."
)
@click.option(
    "--from", "snapshot", default="", metavar="FILE", help="Ask a recorded machine, not this one."
)
@click.pass_context
def command(ctx: click.Context, /, as_json: bool, **shared: Any) -> int:
    """Which programs would be built, load, attach and fire here, and what is in the way.

    Nothing is built and no program of the project is run; what is said is predicted from live
    probes of the kernel. An object is read and not loaded: its maps, calls, types and targets are
    tried one by one, but what the verifier says of its code as a whole is not known before.
    """
    from bpfdoctor.cli.examine import examined

    output: Output = ctx.obj
    run = examined(Given(smoke=False, **shared))
    if as_json:
        from bpfdoctor.report.json import tree_json
        from bpfdoctor.report.programs import programs_tree

        output.write(tree_json(programs_tree(run.redactor.value(run.report))))
        return 0
    from bpfdoctor.report.paper import Paper
    from bpfdoctor.report.programs import cause_lines, table_lines

    paper = Paper.for_stream(output.stream, terminal=output.is_terminal())
    lines = table_lines(run.report.programs, of_object=bool(shared["object"]))
    output.write(paper.printed([*lines, *cause_lines(run.report, paper)]))
    return 0
