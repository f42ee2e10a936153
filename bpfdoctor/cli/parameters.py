"""What several commands share: the options that say what a run is about, and their completion."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from bpfdoctor.cli import formats
from bpfdoctor.cli.terminal import say

if TYPE_CHECKING:
    from bpfdoctor.engine.options import ObjectTarget, Options

F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """A command that writes a report: from here on, a stray `print` goes to standard error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            rest = super().parse_args(ctx, args)
            if not ctx.resilient_parsing:  # a shell completes what is not written yet
                self._refuse_empty(ctx)
                formats.choose(self, ctx)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # not every mistake says in which command it is
            raise
        return rest

    def _refuse_empty(self, ctx: click.Context) -> None:
        """`--from "$THERE"` of a variable that is not set must not mean this machine."""
        for each in self.params:
            given = each.name and ctx.get_parameter_source(each.name) is ParameterSource.COMMANDLINE
            value = ctx.params.get(each.name or "")
            if given and "" in (value if isinstance(value, tuple) else (value,)):
                raise click.BadParameter("it names nothing", ctx=ctx, param=each)

    def _say_whose_home_it_is(self) -> None:
        """With `sudo -E` or `su -p`, HOME may be another's; `Machine` then uses ours."""
        from bpfdoctor.host.own_home import own_home  # not for --help

        other = own_home(os.environ).sentence
        if other:
            say(f"bpfdoctor: {other}")

    def invoke(self, ctx: click.Context) -> Any:
        ctx.obj.stdout.keep_for_reports()
        self._say_whose_home_it_is()
        return super().invoke(ctx)


class Given(NamedTuple):
    """The shared options, as they were given."""

    directory: str = ""
    """What -C named; empty for where the user stands."""
    project: str = ""
    targets: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    smoke: bool = True
    sudo: bool = False
    cache: bool = True
    snapshot: str = ""
    """A recorded machine to judge in place of this one."""
    objects: tuple[ObjectTarget, ...] = ()
    """Compiled BPF objects to judge in place of a source tree."""
    proof: bool = False
    """Only what a smoke test sees counts."""

    def options(self) -> Options:
        """What the engine is asked. Raises BpfDoctorError for a target that cannot be meant."""
        from bpfdoctor.engine.options import Options, parse_target

        return Options(
            directory=self.directory or ".",
            named=bool(self.directory),
            project=self.project,
            targets=() if self.objects else tuple(map(parse_target, self.targets)),
            only=self.only,
            skip=self.skip,
            smoke=self.smoke,
            objects=self.objects,
            within=self.targets if self.objects else (),
            proof=self.proof,
        )


def place(function: F) -> F:
    """-C and --project: where, and what, is judged."""
    for option in (
        click.option(
            "--project",
            default="",
            metavar="NAME",
            shell_complete=complete_projects,
            help="Judge for this kind of project, also without a checkout of it.",
        ),
        click.option(
            "-C",
            "directory",
            default="",
            metavar="DIR",
            shell_complete=complete_directories,
            help="Look for the checkout from here upwards, not from the current directory.",
        ),
    ):
        function = option(function)
    return function


def targets(function: F) -> F:
    """--for: which programs, and how far."""
    return click.option(
        "--for",
        "targets",
        multiple=True,
        metavar="PROGRAM[:STAGE]",
        shell_complete=complete_programs,
        help="Only what this program needs, up to this stage: build, load, attach or fires.",
    )(function)


def repair(function: F) -> F:
    """--no-smoke, --dry-run and --yes: how far a repair goes, and whether it asks."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask: consent to the plan that is shown."),
        click.option("--dry-run", is_flag=True, help="Show the plan and do nothing."),
        click.option(
            "--smoke/--no-smoke",
            "prove",
            default=True,
            help="End by building and running the programs (the default), or without that proof.",
        ),
    ):
        function = option(function)
    return function


def machine(function: F) -> F:
    """--sudo and --no-cache: how this machine is asked."""
    for option in (
        click.option(
            "--cache/--no-cache",
            default=True,
            help="Reuse proofs whose every input is unchanged (the default), or prove all anew.",
        ),
        click.option(
            "--sudo",
            is_flag=True,
            help="Ask for root once, for the questions that need it and nothing else.",
        ),
    ):
        function = option(function)
    return function


def complete_directories(
    ctx: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """The shell knows them."""
    return [CompletionItem(typed, type="dir")]


def complete_checks(
    ctx: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """Ids of checks that begin with what was typed."""
    from bpfdoctor.engine.load import load_checks

    checks = load_checks().checks
    return [CompletionItem(c.id, help=c.title) for c in checks if c.id.startswith(typed)]


def complete_projects(
    ctx: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """Names of project kinds."""
    from bpfdoctor.projects.reader import kinds

    found = kinds().values()
    return [CompletionItem(k.name, help=k.title) for k in found if k.name.startswith(typed)]


def complete_programs(
    ctx: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """Names of programs; after a colon, their stages."""
    from bpfdoctor.model import Stage
    from bpfdoctor.projects.reader import kinds

    program, colon, _ = typed.partition(":")
    programs = {name: p.summary for kind in kinds().values() for name, p in kind.programs.items()}
    if colon and program in programs:
        stages = [f"{program}:{stage.value}" for stage in Stage]
        return [CompletionItem(text) for text in stages if text.startswith(typed)]
    found = sorted(programs.items())
    return [CompletionItem(name, help=text) for name, text in found if name.startswith(typed)]
