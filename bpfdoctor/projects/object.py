"""A compiled BPF object as a project: each of its BPF programs is a row."""

from __future__ import annotations

from pathlib import Path

from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.model import Stage
from bpfdoctor.projects.model import Program, Project, ProjectKind
from bpfdoctor.projects.needs import AroundObject, judged_object


def project_of_object(path: str, facts: BpfObject, loader: Loader | None = None) -> Project:
    """The project of one object; `loader` is what its loader does, where its source is there."""
    name = Path(path).name
    programs = {each.name: Program(summary=f'SEC("{each.section}")') for each in facts.programs}
    kind = ProjectKind(
        "object",
        f"the BPF object {name}",
        name,
        tuple(programs),
        programs,
        judged_to=Stage.ATTACH,
    )
    judged = judged_object(facts, AroundObject(loader=loader), "given", name, path=path)
    evidence = f"compiled BPF object {name}"
    return Project(kind, "", tuple(programs), evidence, object=path, judged=(judged,))
