"""`--format FORMAT[=FILE]` and `--json`: the grammar, and what of it is a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bpfdoctor.cli import objects
from bpfdoctor.cli.destinations import Destination, Destinations
from bpfdoctor.cli.files import refuse_unwritable, same_file
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.report import JSON, TEXT, registry
from bpfdoctor.report.documents import DocumentKind

F = TypeVar("F", bound=Callable[..., Any])
STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""What elsewhere means standard output; descriptor 1 is standard error by then."""
LEAVE_OUT = "leave =FILE out to have it on standard output"


class FormatName(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """FORMAT[=FILE], of the formats that there are."""

    name = "format"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Destination:
        """Split it. Raises BpfDoctorError for a format that there is not."""
        name, equals, file = value.partition("=")
        known = registry.names()
        if name not in known:
            raise BpfDoctorError(f"there is no format {name!r}", _hint(name, known))
        if equals and not file:
            raise BpfDoctorError(f"--format {value} names no file", LEAVE_OUT)
        if file in STDOUT:
            raise BpfDoctorError(f"--format {value}: {file} is not a file", LEAVE_OUT)
        return Destination(name, file)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the name; the shell knows the files."""
        if "=" in incomplete:
            return [CompletionItem(incomplete, type="file")]
        known = [name for name in registry.names() if name.startswith(incomplete)]
        return [CompletionItem(name, help=registry.help_of(name)) for name in known]


class FormatOption(click.Option):
    """--format of a command that writes documents of one kind; with --dry-run, of another."""

    def __init__(
        self,
        *declarations: Any,
        kind: DocumentKind | None = None,
        dry_run: DocumentKind | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*declarations, **settings)
        self._kind, self._dry_run = kind, dry_run

    def kind_in(self, ctx: click.Context) -> DocumentKind | None:
        """Return the kind that this very run writes; None where it writes no document."""
        return self._dry_run if ctx.params.get("dry_run") else self._kind


def option(
    what: str, kind: DocumentKind | None, *, dry_run: DocumentKind | None = None
) -> Callable[[F], F]:
    """Add --format and --json to a command; `what` says in the help what it prints."""
    known = ", ".join(registry.names())
    json = click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
    given = click.option(
        "--format",
        "formats",
        cls=FormatOption,
        kind=kind,
        dry_run=dry_run,
        type=FormatName(),
        multiple=True,
        metavar="FORMAT[=FILE]",
        help=f"Write {what} in this format ({known}) to standard output, or to FILE. May be "
        "repeated; standard output takes one, and text unless told otherwise.",
    )
    return lambda function: given(json(function))


def choose(command: click.Command, ctx: click.Context) -> None:
    """Hand what was asked for to the destinations; the command itself does not get to see it.

    Raises BpfDoctorError for what cannot be meant, and for a file that cannot be written.
    """
    given = next((each for each in command.params if isinstance(each, FormatOption)), None)
    if given is None:
        return
    as_json = [Destination(JSON)] if ctx.params.pop("as_json") else []
    asked = [*as_json, *ctx.params.pop("formats")]
    _refuse_a_second_on_stdout(asked)
    _refuse_shared_files(asked, dict(_files_of(command, ctx)))
    for each in asked:
        _refuse_unable(each, given.kind_in(ctx))
        if each.file:
            refuse_unwritable(each.file)
    destinations: Destinations = ctx.obj
    destinations.choose(asked)


def format_in(arguments: Sequence[str]) -> str:
    """Return what standard output was to carry, by a command line that holds a mistake."""
    if "--json" in arguments:
        return JSON
    words = [*arguments, ""]
    spelt = [words[at + 1] for at, word in enumerate(arguments) if word == "--format"]
    spelt += [word.partition("=")[2] for word in arguments if word.startswith("--format=")]
    known = registry.names()
    return next((name for name in spelt if name in known), TEXT)


def _refuse_a_second_on_stdout(asked: Sequence[Destination]) -> None:
    names = [each.format for each in asked if not each.file]
    if len(names) > 1:
        raise BpfDoctorError(
            f"standard output takes one format, not {' and '.join(names)}",
            f"name a file for the others: --format {names[-1]}=FILE",
        )


def _refuse_shared_files(asked: Sequence[Destination], others: dict[str, str]) -> None:
    """A file that is written twice, or read and written, has lost what was in it first."""
    taken = dict(others)
    for each in asked:
        if not each.file:
            continue
        use = f"--format {each.format}={each.file}"
        for before, file in taken.items():
            if same_file(file, each.file):
                message = f"{before} and {use} name the same file"
                raise BpfDoctorError(message, "give each a file of its own")
        taken[use] = each.file


def _files_of(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    """The other options that name a FILE, as they are typed, and the files."""
    for each in command.params:
        file = ctx.params.get(each.name or "")
        if isinstance(each, click.Option) and each.metavar == "FILE" and file:
            yield f"{each.opts[0]} {file}", file
    yield from ((f"--object {file}", file) for file in objects.named_in(ctx.params))


def _refuse_unable(asked: Destination, kind: DocumentKind | None) -> None:
    if kind is None:
        if asked.file:
            raise BpfDoctorError(
                f"there is nothing to write to {asked.file}", "a plan is written with --dry-run"
            )
    elif not registry.load(asked.format).writes(kind):
        able = [name for name in registry.names() if registry.load(name).writes(kind)]
        raise BpfDoctorError(
            f"the format {asked.format} cannot write a {kind.value}",
            f"these formats can: {', '.join(able)}",
        )


def _hint(name: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name.lower(), known, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"the formats are {', '.join(known)}"
