"""What `list` tells: the checks, the projects, their programs and needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import msgspec

from bpfdoctor.shell import inert


class ListedCheck(msgspec.Struct, frozen=True):
    """A check, in the words of the report."""

    id: str
    title: str
    requires: tuple[str, ...]
    gates: bool

    @property
    def subject(self) -> str:
        """What it is about, in one word."""
        return self.id.partition(".")[0]


class ListedProgram(msgspec.Struct, frozen=True):
    """A program of a project; `needs` are the keys that each stage needs."""

    name: str
    summary: str
    needs: dict[str, tuple[str, ...]]


class ListedProject(msgspec.Struct, frozen=True):
    """A kind of project."""

    name: str
    title: str
    layout: str
    default: tuple[str, ...]
    programs: tuple[ListedProgram, ...]


class Inventory(msgspec.Struct, frozen=True):
    """All that there is; the checks in the order of their ids."""

    checks: tuple[ListedCheck, ...]
    projects: tuple[ListedProject, ...]


def inventory_lines(inventory: Inventory) -> Iterator[str]:
    """Describe the checks, subject by subject, and then each project."""
    wide = max((len(check.id) for check in inventory.checks), default=0)
    for subject, group in groupby(inventory.checks, lambda check: check.subject):
        yield subject
        for check in group:
            yield inert(f"  {check.id:{wide}}  {check.title}", ours=True)
        yield ""
    for project in inventory.projects:
        yield from (inert(line, ours=True) for line in _project_lines(project))
        yield ""


def _project_lines(project: ListedProject) -> Iterator[str]:
    yield f"project {project.name}: {project.title} ({project.layout})"
    for program in project.programs:
        default = " (default)" if program.name in project.default else ""
        yield f"  {program.name}{default}: {program.summary}"
        for stage, keys in program.needs.items():
            if keys:
                yield f"      {stage}: {', '.join(keys)}"
