"""A project of one program that needs one thing for each stage, and what was found of them."""

from __future__ import annotations

from bpfdoctor.api import Finding, Project, Stage, Status
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.load import check_of
from bpfdoctor.projects.model import Program, ProjectKind

NEEDS = {
    Stage.BUILD: "tool.compiler",
    Stage.LOAD: "kernel.load",
    Stage.ATTACH: "mounts.trace[one]",
    Stage.FIRES: "names.initial",
}
PROGRAM = Program("does something", needs={stage: (key,) for stage, key in NEEDS.items()})
KIND = ProjectKind("sample", "a sample", "flat", ("demo",), {"demo": PROGRAM})
PROJECT = Project(KIND, "/tree", ("demo",))


def finding(key: str, status: Status, *blocked_by: str) -> Finding:
    """A finding of that key."""
    about = key.partition("[")[2].rstrip("]")
    return Finding(status, "as it is", id=check_of(key), about=about, blocked_by=blocked_by)


def examined(*others: Finding) -> Findings:
    """All needs pass, but for `others`."""
    found = Findings(ran={check_of(key) for key in NEEDS.values()})
    for each in (*(finding(key, Status.PASS) for key in NEEDS.values()), *others):
        found.add(each)
    return found
