"""`bpfdoctor undo`."""

from __future__ import annotations

import click

from bpfdoctor.cli import formats, parameters
from bpfdoctor.report.documents import DocumentKind

EPILOG = """\b
Examples:
  $ bpfdoctor undo              shows what the last run changed, asks once, takes it back
  $ bpfdoctor undo --dry-run
  $ bpfdoctor undo --dry-run --format json=plan.json    text here, JSON in the file
  $ bpfdoctor undo 20260131T120000-4711

\b
Exit status: 0 nothing is left to take back, 1 declined, or only journals that cannot be used,
2 usage, 4 a step failed. With --dry-run: 0 nothing to do, 1 something.
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@click.argument("run", required=False, default="", metavar="[RUN]")
@formats.option("the plan of --dry-run", None, dry_run=DocumentKind.PLAN)
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask: consent to the plan that is shown.")
@click.pass_context
def command(ctx: click.Context, /, run: str, dry_run: bool, yes: bool) -> int:
    """Take back what a run of `bpfdoctor fix` changed, newest first.

    Only what bpfdoctor added is removed: packages that were not there before, mounts, files. RUN is
    the name that `fix` ended with; without it, the newest run that changed something.
    """
    from bpfdoctor.cli.examine import warn_of_root_path
    from bpfdoctor.cli.fix_session import voice
    from bpfdoctor.fix.commands.options import FixOptions
    from bpfdoctor.fix.commands.undo import run_undo
    from bpfdoctor.host.machine import Machine

    options = FixOptions(yes=yes, dry_run=dry_run)
    warn_of_root_path()
    return run_undo(run, options, Machine(), voice(ctx.obj))
