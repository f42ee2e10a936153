"""`bpfdoctor list`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from bpfdoctor.cli import parameters
from bpfdoctor.cli.output import Output

if TYPE_CHECKING:
    from bpfdoctor.api import Check
    from bpfdoctor.projects.model import ProjectKind

EPILOG = """\b
Examples:
  bpfdoctor list
  bpfdoctor list --json
"""


@click.command(cls=parameters.Command, epilog=EPILOG)
@parameters.json_flag("Print the same as JSON.")
@click.pass_context
def command(ctx: click.Context, /, as_json: bool) -> int:
    """The checks, the projects, their programs and needs."""
    from bpfdoctor.engine.session import all_checks
    from bpfdoctor.projects.reader import kinds

    checks, projects = all_checks().checks, list(kinds().values())
    output: Output = ctx.obj
    if as_json:
        from bpfdoctor.report.json import tree_json

        output.write(tree_json(inventory(checks, projects)))
    else:
        output.write("\n".join(lines(checks, projects)) + "\n")
    return 0


def inventory(checks: Sequence[Check], projects: Sequence[ProjectKind]) -> dict[str, Any]:
    """All that there is, in the words of the report."""
    return {
        "checks": [
            {"id": c.id, "title": c.title, "requires": list(c.requires), "gates": c.gates}
            for c in sorted(checks, key=lambda check: check.id)
        ],
        "projects": [
            {
                "name": kind.name,
                "title": kind.title,
                "layout": kind.layout,
                "default": list(kind.default),
                "programs": [
                    {"name": name, "summary": program.summary, "needs": needs(kind, name)}
                    for name, program in kind.programs.items()
                ],
            }
            for kind in projects
        ],
    }


def needs(kind: ProjectKind, program: str) -> dict[str, list[str]]:
    """The keys that each stage of a program needs."""
    from bpfdoctor.model import Stage
    from bpfdoctor.projects.model import Project

    project = Project(kind, "", tuple(kind.programs))
    return {stage.value: list(project.needs(program, stage)) for stage in Stage}


def lines(checks: Sequence[Check], projects: Sequence[ProjectKind]) -> Iterator[str]:
    """The same for a person."""
    ordered = sorted(checks, key=lambda check: check.id)
    wide = max((len(check.id) for check in ordered), default=0)
    for subject, group in groupby(ordered, lambda check: check.subject):
        yield f"{subject}"
        yield from (f"  {check.id:{wide}}  {check.title}" for check in group)
        yield ""
    for kind in projects:
        yield f"project {kind.name}: {kind.title} ({kind.layout})"
        for name, program in kind.programs.items():
            default = " (default)" if name in kind.default else ""
            yield f"  {name}{default}: {program.summary}"
            for stage, keys in needs(kind, name).items():
                if keys:
                    yield f"      {stage}: {', '.join(keys)}"
        yield ""
