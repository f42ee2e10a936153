"""`bpfdoctor`: the table of commands. A command's module is imported when it is used."""

from __future__ import annotations

import importlib
import os

import click

from bpfdoctor import __version__
from bpfdoctor.errors import BpfDoctorError, near_miss

COMMANDS = {
    "check": "Check this machine and checkout, ending with a smoke test.",
    "fix": "Repair what keeps programs from running, and prove it.",
    "undo": "Take back what a run of fix changed.",
    "init": "Clone libbpf-bootstrap, repair the machine for it, and prove it.",
    "smoke": "Build and run a program for real and see its event.",
    "programs": "Which programs would run here, stage by stage, and what is in the way.",
    "list": "The checks, the projects, their programs and needs.",
    "explain": "What a check asks, why it matters, what to do.",
    "snapshot": "Record every answer of this machine in one redacted file.",
}
"""Each command and its line in the help; its module `bpfdoctor.cli.NAME` has it as `command`."""

EPILOG = """\b
Examples:
  $ bpfdoctor check                     everything, in a checkout or anywhere
  $ bpfdoctor check --for minimal       only what one program needs
  $ bpfdoctor check --format json=report.json
  $ bpfdoctor fix                       shows a plan, asks once, repairs, proves
  $ bpfdoctor explain kernel.btf

\b
Exit status: 0 ready, 1 not ready, 2 usage, 3 undetermined, 4 a fix did not take,
5 bpfdoctor broke.
"""


class Commands(click.Group):
    """A group that imports the module of a command when somebody asks for that command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"bpfdoctor.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = near_miss(args[0], COMMANDS, "commands: " + ", ".join(COMMANDS))
            raise BpfDoctorError(f"there is no command {args[0]!r}", hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


WIDEST = 100
"""Columns of help on a terminal that has more."""


def help_width() -> int:
    """Return click's own choice; to make it, click imports shutil and five more: 2 ms of 45."""
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(1).columns or 80
        except OSError:
            columns = 80
    return max(min(columns, WIDEST) - 2, 50)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": help_width()},
)
@click.version_option(__version__, prog_name="bpfdoctor")
def app() -> None:
    """Can this machine and this checkout build, load and run a libbpf program, and if not, why?"""
