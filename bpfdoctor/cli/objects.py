"""`--object FILE[:STAGE]…`: which compiled objects are meant, as the shell expands them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from bpfdoctor.cli.files import same_file
from bpfdoctor.errors import BpfDoctorError

if TYPE_CHECKING:
    from bpfdoctor.engine.options import ObjectTarget
    from bpfdoctor.model import Stage

F = TypeVar("F", bound=Callable[..., Any])


def option(metavar: str) -> Callable[[F], F]:
    """Add --object, and the further objects that a shell writes behind the first."""
    given = click.option(
        "--object",
        "named",
        multiple=True,
        metavar=metavar,
        help="Judge the programs of this compiled BPF object, and of those named after it.",
    )
    more = click.argument("more", nargs=-1, metavar="")
    return lambda function: given(more(function))


def asked(
    ctx: click.Context, named: Sequence[str], more: Sequence[str], *, whole: bool = False
) -> tuple[ObjectTarget, ...]:
    """The objects that are meant, each once. `whole`: every stage of theirs is shown.

    Raises BpfDoctorError for what cannot be meant.
    """
    if more and not named:
        raise BpfDoctorError(
            f"{ctx.info_name} takes no {more[0]!r}", "compiled objects are named by --object FILE…"
        )
    if named:
        _refuse_source_tree(ctx)
    found: dict[str, ObjectTarget] = {}
    for each in _targets((*named, *more), whole):
        _refuse_written(ctx, each.path)
        known = found.setdefault(os.path.abspath(each.path), each)
        if each.stage.order > known.stage.order:
            found[os.path.abspath(each.path)] = each
    return tuple(found.values())


def named_in(parameters: Mapping[str, Any]) -> list[str]:
    """The files of the objects on a command line."""
    texts = (*(parameters.get("named") or ()), *(parameters.get("more") or ()))
    return [split(text)[0] for text in texts if text]


def _targets(texts: Sequence[str], whole: bool) -> Iterator[ObjectTarget]:
    from bpfdoctor.engine.options import ObjectTarget
    from bpfdoctor.model import Stage

    for text in texts:
        path, wanted = split(text)
        if wanted and whole:
            raise BpfDoctorError(f"{text}: every stage is shown", f"leave :{wanted.value} out")
        if wanted is Stage.BUILD:
            raise BpfDoctorError(
                f"{text}: an object is built already", "its stages are load, attach and fires"
            )
        yield ObjectTarget(path, Stage.FIRES if whole else wanted or Stage.ATTACH)


def split(text: str) -> tuple[str, Stage | None]:
    """The file and the stage of `FILE[:STAGE]`; a file that really has that name wins."""
    from bpfdoctor.model import Stage

    path, _, word = text.rpartition(":")
    stage = next((each for each in Stage if each.value == word), None)
    if stage is None or not path or os.path.lexists(text):
        return text, None
    return path, stage


def _refuse_source_tree(ctx: click.Context) -> None:
    for name, flag in (("directory", "-C"), ("project", "--project")):
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            message = f"{flag} names a source tree, and --object is judged in place of one"
            raise BpfDoctorError(message, "leave one of them out")


def _refuse_written(ctx: click.Context, path: str) -> None:
    record = ctx.params.get("record")
    if record and same_file(record, path):
        raise BpfDoctorError(f"{record} is an object to judge, and would be overwritten")
