"""A compiled BPF object as a project: its programs, and the needs that it shows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from bpfdoctor.host.bpf.features.program_types import LOADABLE
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram, target_of
from bpfdoctor.model import Stage
from bpfdoctor.projects.model import Program, Project, ProjectKind

Needs = dict[Stage, tuple[str, ...]]

RULES = Path(__file__).parent / "objects" / "needs.toml"


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`objects/needs.toml`: needs of every program, of those with CO-RE relocations, of all in an
    object with global data or with pinned maps, of those whose type a probe loads, of those of no
    kind that libbpf knows, by kind of attachment, by type of map in the object, and by helper
    called."""

    every: Needs
    relocated: Needs
    global_data: Needs
    pinned: Needs
    typed: Needs
    unnamed: Needs
    kinds: dict[str, Needs]
    maps: dict[str, Needs]
    helpers: dict[str, Needs]


@cache
def rules() -> Rules:
    """The rules by which an object's needs are derived."""
    return msgspec.toml.decode(RULES.read_bytes(), type=Rules)


def project_of_object(path: str, facts: BpfObject) -> Project:
    """The project of one object: each of its programs, and what it needs to load and attach."""
    kinds_of_map = dict.fromkeys(each.type for each in facts.maps)
    shared = [rules().global_data] if facts.global_data else []
    shared += [rules().pinned] if any(each.pinned for each in facts.maps) else []
    programs = {each.name: _program(each, kinds_of_map, shared) for each in facts.programs}
    name = Path(path).name
    kind = ProjectKind(
        "object",
        f"the BPF object {name}",
        name,
        tuple(programs),
        programs,
        judged_to=Stage.ATTACH,
    )
    return Project(kind, "", tuple(programs), f"compiled BPF object {name}", object=path)


def _program(program: ObjectProgram, maps: Iterable[str], shared: list[Needs]) -> Program:
    known = rules()
    parts = [known.every, *shared, known.kinds.get(program.kind, {})]
    parts += [known.typed] if program.type in LOADABLE else []
    parts += [] if program.type in LOADABLE or program.target else [known.unnamed]
    parts += [known.relocated] if program.relocations else []
    parts += [known.maps[kind] for kind in maps if kind in known.maps]
    if not program.conditional:  # else object.helpers says what of it may never be called
        parts += [known.helpers[name] for name in program.helpers if name in known.helpers]
    target = target_of(program)
    words = {"program": program.name, "type": program.type, "target": target}
    return Program(
        summary=f'SEC("{program.section}")',
        needs={stage: tuple(_keys(parts, stage, words)) for stage in Stage},
        targets=(target,) if target else (),
    )


def _keys(parts: list[Needs], stage: Stage, words: dict[str, str]) -> Iterable[str]:
    for key in dict.fromkeys(key for part in parts for key in part.get(stage, ())):
        if words["target"] or "{target}" not in key:
            yield key.format(**words)
