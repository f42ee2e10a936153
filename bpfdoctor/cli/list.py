"""`bpfdoctor list`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from bpfdoctor.cli import formats, parameters
from bpfdoctor.cli.destinations import Destinations
from bpfdoctor.report.documents import DocumentKind, InventoryDocument

if TYPE_CHECKING:
    from bpfdoctor.api import Check
    from bpfdoctor.projects.model import ProjectKind
    from bpfdoctor.report.inventory import Inventory, ListedProject

EPILOG = """\b
Examples:
  $ bpfdoctor list
  $ bpfdoctor list --json
  $ bpfdoctor list --format json=checks.json    text here, JSON in the file
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@formats.option("the list", DocumentKind.INVENTORY)
@click.pass_context
def command(ctx: click.Context, /) -> int:
    """The checks, the projects, their programs and needs."""
    from bpfdoctor.engine.session import all_checks
    from bpfdoctor.projects.reader import kinds

    destinations: Destinations = ctx.obj
    destinations.write(InventoryDocument(inventory(all_checks().checks, kinds().values())))
    return 0


def inventory(checks: Iterable[Check], projects: Iterable[ProjectKind]) -> Inventory:
    """Return all that there is, in the words of the report."""
    from bpfdoctor.report.inventory import Inventory, ListedCheck

    listed = [ListedCheck(c.id, c.title, tuple(c.requires), c.gates) for c in checks]
    return Inventory(tuple(sorted(listed, key=lambda c: c.id)), tuple(map(_project, projects)))


def _project(kind: ProjectKind) -> ListedProject:
    from bpfdoctor.report.inventory import ListedProgram, ListedProject

    programs = [
        ListedProgram(name, program.summary, needs(kind, name))
        for name, program in kind.programs.items()
    ]
    return ListedProject(kind.name, kind.title, kind.layout, tuple(kind.default), tuple(programs))


def needs(kind: ProjectKind, program: str) -> dict[str, tuple[str, ...]]:
    """Return the keys that each stage of a program needs."""
    from bpfdoctor.model import Stage
    from bpfdoctor.projects.model import Project
    from bpfdoctor.projects.recorded import with_recorded

    project = with_recorded(Project(kind, "", (program,)))
    return {stage.value: tuple(project.needs(program, stage)) for stage in Stage}
