"""A project whose one program needs what a test names."""

from __future__ import annotations

from bpfdoctor.api import Project, Stage
from bpfdoctor.projects.model import Program, ProjectKind


def needing(*keys: str, stage: Stage = Stage.FIRES) -> Project:
    """A project of one program that needs these findings for a stage."""
    program = Program("does something", needs={stage: keys})
    return Project(ProjectKind("sample", "a sample", "flat", ("it",), {"it": program}), "", ("it",))
