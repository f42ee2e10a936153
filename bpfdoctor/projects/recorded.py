"""Recorded facts of a known commit: what its programs' objects say, where none can be had here.

`facts/NAME.json` is made by `python -m bpfdoctor.engine.record_facts NAME CHECKOUT`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.c_source.libbpf_source import LibbpfSource
from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.projects.model import Project
from bpfdoctor.projects.needs import AroundObject, judged_object
from bpfdoctor.typed import from_json

PLACE = Path(__file__).parent / "facts"


class RecordedProgram(msgspec.Struct, frozen=True):
    """A program of that commit: the hash of its BPF source, its object, what its loader does."""

    sha256: str
    object: BpfObject
    loader: Loader


class RecordedFacts(msgspec.Struct, frozen=True):
    """The programs of a commit, by name, and the libbpf that they are linked with."""

    commit: str
    libbpf: LibbpfSource | None
    programs: dict[str, RecordedProgram]


@cache
def recorded_facts(kind: str) -> RecordedFacts | None:
    """The facts that are recorded of a kind of project; None where there are none.

    Raises BpfDoctorError for a file that is not as it was made.
    """
    file = PLACE / f"{kind}.json"
    if not file.exists():
        return None
    try:
        return from_json(file.read_bytes(), RecordedFacts)
    except (OSError, ValueError) as error:
        raise BpfDoctorError(f"recorded facts {file}: {error}") from None


def recorded_judged(project: Project, name: str, doubt: str = "") -> JudgedObject | None:
    """What is recorded of a program of this kind; None where nothing is.

    `doubt` says why it may be otherwise here.
    """
    facts = recorded_facts(project.name)
    found = facts.programs.get(name) if facts else None
    if facts is None or found is None:
        return None
    around = AroundObject(name, project.program(name), found.loader, facts.libbpf)
    said = f"of commit {facts.commit}" if facts.commit else "recorded"
    said += ", not of this tree" if doubt else ""
    return judged_object(found.object, around, "recorded", said, doubt=doubt)


def with_recorded(project: Project) -> Project:
    """The project with what is recorded of each of its programs."""
    found = (recorded_judged(project, name) for name in project.programs)
    judged = tuple(each for each in found if each is not None)
    return msgspec.structs.replace(project, judged=judged)
