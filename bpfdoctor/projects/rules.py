"""The rules by which needs are derived from an object, and how their keys are filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec

from bpfdoctor.model import Stage
from bpfdoctor.projects.judged import Needs
from bpfdoctor.typed import from_toml

RULES = Path(__file__).parent / "objects" / "needs.toml"

Which = Callable[[Stage, str], bool]
"""Whether a need is meant, by its stage and as the rule has it."""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`objects/needs.toml`: the needs of an object as a whole, of every BPF program, and of those
    that are as the names of the other fields say; by kind of attachment, type of map and helper."""

    whole: Needs
    uncompiled: Needs
    linked: Needs
    every: Needs
    alike: Needs
    relocated: Needs
    own_btf: Needs
    data: Needs
    map: Needs
    pinned: Needs
    typed: Needs
    unnamed: Needs
    debugfs: Needs
    trace: Needs
    packet: Needs
    own_pid: Needs
    kinds: dict[str, Needs]
    maps: dict[str, Needs]
    helpers: dict[str, Needs]


@cache
def rules() -> Rules:
    """The rules by which needs are derived."""
    return from_toml(RULES.read_bytes(), Rules)


def rules_in_words() -> Iterator[tuple[str, Needs]]:
    """What an object has, in words, and the needs that follow; not what takes needs away."""
    known = rules()
    for name in known.__struct_fields__:
        value = getattr(known, name)
        if name in _GROUPS:
            yield from ((f"{_GROUPS[name]} `{each}`", needs) for each, needs in value.items())
        elif name in _WORDS:
            yield _WORDS[name], value


_GROUPS = {"kinds": "a program of kind", "maps": "a map of type", "helpers": "a call of"}
_WORDS = {
    "whole": "anything",
    "uncompiled": "a source that does not compile",
    "linked": "the address of a string in global data, and `bpftool gen object` in its makefile",
    "every": "a program",
    "alike": "a program, tried in one that is loaded for the same target",
    "relocated": "CO-RE relocations",
    "data": "global data",
    "map": "a map",
    "pinned": "a map that libbpf pins",
    "typed": "a program of a type that loads without naming its target",
    "unnamed": "a section that its libbpf does not know, or that names no target",
    "debugfs": "a tracepoint, and a libbpf that looks below debugfs alone",
    "trace": "its proof in the kernel's trace",
    "packet": "a packet on lo for its trigger",
    "own_pid": "its own process for its trigger",
}


@cache
def told_by_objects() -> frozenset[str]:
    """The ids of checks whose findings are about what an object names, and their subjects."""
    keys = [key for _, needs in rules_in_words() for keys in needs.values() for key in keys]
    ids = {key.partition("[")[0] for key in keys if "[" in key}
    return frozenset(ids | {key.partition(".")[0] for key in rules().every[Stage.LOAD]})


def every_need(stage: Stage, key: str) -> bool:
    """All needs of some rules."""
    return True


def filled(parts: Iterable[Needs], words: Mapping[str, str], which: Which = every_need) -> Needs:
    """The keys of those needs of some rules that are meant."""
    parts = list(parts)
    return {stage: tuple(_keys(parts, words, stage, which)) for stage in Stage}


def _keys(
    parts: list[Needs], words: Mapping[str, str], stage: Stage, which: Which
) -> Iterator[str]:
    for key in dict.fromkeys(key for part in parts for key in part.get(stage, ())):
        lacking = any(f"{{{name}}}" in key and not words.get(name) for name in OPTIONAL)
        if not lacking and which(stage, key):
            yield key.format(**words).removesuffix("[]")


OPTIONAL = ("target", "category", "memlock")
"""Words without which a need is left out."""
