"""`bpfdoctor init`."""

from __future__ import annotations

import click

from bpfdoctor.cli import formats, parameters
from bpfdoctor.cli.parameters import Given
from bpfdoctor.report.documents import DocumentKind

LIBBPF_BOOTSTRAP = "https://github.com/libbpf/libbpf-bootstrap"

EPILOG = """\b
Examples:
  $ bpfdoctor init first-bpf             clones libbpf-bootstrap, fills it, repairs, proves
  $ bpfdoctor init first-bpf --yes
  $ bpfdoctor init first-bpf --yes --format json=report.json    text here, JSON in the file
  $ bpfdoctor init mine --from https://example.org/mine.git

\b
Exit status: that of `bpfdoctor fix`; 1 where the clone was declined.
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@click.argument("directory", metavar="DIR", shell_complete=parameters.complete_directories)
@click.option(
    "--from",
    "url",
    default=LIBBPF_BOOTSTRAP,
    show_default=True,
    metavar="URL",
    help="Where to clone from.",
)
@parameters.repair
@formats.option(
    "the last report (the plan with --dry-run, or where it was declined)",
    DocumentKind.REPORT,
    dry_run=DocumentKind.PLAN,
)
@click.pass_context
def command(  # noqa: PLR0913  (each is an option)
    ctx: click.Context,
    /,
    *,
    directory: str,
    url: str,
    prove: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Clone a project with all its submodules to DIR, repair the machine for it, and prove it."""
    from bpfdoctor.cli.fix import proof_command
    from bpfdoctor.cli.fix_session import Checks, voice
    from bpfdoctor.cli.render import render
    from bpfdoctor.fix.commands.init import run_init
    from bpfdoctor.fix.commands.options import FixOptions
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.model import Report

    checks = Checks(Given(directory=directory), [])
    options = FixOptions((), yes, dry_run, prove, proof_command(checks.given))

    def finish(report: Report) -> None:
        render(checks.runs[-1], ctx.obj)

    return run_init(directory, url, options, checks.again, Machine(), voice(ctx.obj), finish=finish)
