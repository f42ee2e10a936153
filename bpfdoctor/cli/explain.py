"""`bpfdoctor explain`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bpfdoctor.cli import parameters
from bpfdoctor.cli.destinations import Destinations
from bpfdoctor.errors import BpfDoctorError, near_miss
from bpfdoctor.shell import BAR, inert
from bpfdoctor.visible import page

if TYPE_CHECKING:
    from bpfdoctor.api import Check

EPILOG = """\b
Examples:
  $ bpfdoctor explain kernel.btf
  $ bpfdoctor explain 'checkout.submodules[libbpf]'     a key from a report works too
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@click.argument("id", metavar="ID", shell_complete=parameters.complete_checks)
@click.pass_context
def command(ctx: click.Context, /, id: str) -> int:  # noqa: A002  (the word of the command line)
    """What the check ID asks, why it matters, and what to do."""
    from bpfdoctor.engine.load import check_of
    from bpfdoctor.engine.session import all_checks

    checks = all_checks().checks
    destinations: Destinations = ctx.obj
    destinations.words(page(explanation(named(check_of(id), checks))))
    return 0


def named(check_id: str, checks: Sequence[Check]) -> Check:
    """The check of that id. Raises BpfDoctorError with the near miss."""
    by_id = {check.id: check for check in checks}
    if check_id in by_id:
        return by_id[check_id]
    hint = near_miss(check_id, by_id, "bpfdoctor list shows them all")
    raise BpfDoctorError(f"there is no check called {check_id!r}", hint)


def explanation(check: Check) -> Iterator[str]:
    """Title, docstring, what it rests on, and who needs it."""
    yield inert(f"{check.id}: {check.title}")
    yield ""
    for line in inspect.cleandoc(check.doc).splitlines():
        yield f"{BAR}{line}".rstrip()
    for words in _rests_on(check):
        yield from ("", inert(words))
    needed = [inert(line) for line in needed_by(check.id)]
    yield from ("", "Needed by", *needed) if needed else ()


def _rests_on(check: Check) -> Iterator[str]:
    if check.requires:
        yield "Not judged before these pass: " + ", ".join(check.requires)
    if check.explained_by:
        yield "Not judged where this fails: " + ", ".join(check.explained_by)
    if check.excused_by:
        keys = ", ".join(check.excused_by)
        yield f"What it finds wrong is put down to these, unless they pass: {keys}"
    if check.gates:
        yield "It counts whatever program is selected."


def needed_by(check_id: str) -> Iterator[str]:
    """For each project and stage, and for what an object may have: who needs a check, in a line."""
    from bpfdoctor.engine.load import check_of
    from bpfdoctor.model import Stage
    from bpfdoctor.projects.reader import kinds
    from bpfdoctor.projects.rules import rules_in_words

    for kind in kinds().values():
        for stage in Stage:
            needs = {name: each.needs.get(stage, ()) for name, each in kind.programs.items()}
            names = [name for name, keys in needs.items() if check_id in map(check_of, keys)]
            if check_id in map(check_of, kind.needs.get(stage, ())):
                yield f"  {kind.name}, to {stage.value}: every program"
            elif names:
                yield f"  {kind.name}, to {stage.value}: {', '.join(names)}"
    for stage in Stage:
        rules = ((what, map(check_of, needs.get(stage, ()))) for what, needs in rules_in_words())
        having = [what for what, ids in rules if check_id in ids]
        if having:
            yield f"  an object, to {stage.value}, that has {'; '.join(having)}"
