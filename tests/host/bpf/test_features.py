"""The table of features is that of linux/bpf.h, and what is written of one elsewhere agrees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loud import missing
from virtual.features import ENUMERATIONS, NEWEST, Enumeration, contradictions, misnumbered

from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES, BY_TARGET
from bpfdoctor.host.bpf.features.feature import Feature
from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES, OF_MAPS, RINGS, STORAGE
from bpfdoctor.host.bpf.features.program_types import LOADABLE, PROGRAM_TYPES
from bpfdoctor.host.system.facts import kernel_version

ROOT = Path(__file__).parents[3]
HEADER = Path("/usr/include/linux/bpf.h")
VERSION = Path("/usr/include/linux/version.h")

EVERY = [(name, each) for known in ENUMERATIONS.values() for name, each in known.features.items()]


@pytest.mark.parametrize("known", ENUMERATIONS.values(), ids=ENUMERATIONS)
def test_numbers_are_given_in_the_order_of_the_releases(known: Enumeration) -> None:
    features = list(known.features.values())
    first = features[0].number
    assert [each.number for each in features] == list(range(first, first + len(features)))
    assert [each.release for each in features] == sorted(each.release for each in features)


def test_each_has_a_release_a_commit_and_what_it_needs() -> None:
    form = re.compile(r"\d\.\d{1,2} [0-9a-f]{12} (CONFIG_[A-Z0-9_]+)?")
    told = {name: f"{each.since} {each.commit} {each.needs}" for name, each in EVERY}
    assert {name: line for name, line in told.items() if not form.fullmatch(line)} == {}


def test_a_helper_is_tried_in_programs_that_are_not_newer_than_it() -> None:
    for name, each in HELPERS.items():
        if each.program:
            assert each.program in LOADABLE, name
            assert PROGRAM_TYPES[each.program].release <= each.release, name


def test_what_a_program_attaches_to_is_in_the_table() -> None:
    assert {each.attach for each in PROGRAM_TYPES.values()} - {""} <= ATTACH_TYPES.keys()
    targeted = {name for name, each in PROGRAM_TYPES.items() if each.targeted}
    assert targeted == {"tracing", "struct_ops", "ext", "lsm"}
    assert [BY_TARGET[kind].number for kind in ("fentry", "tp_btf", "iter")] == [24, 23, 28]


def test_groups_of_maps_have_the_kernels_numbers() -> None:
    assert STORAGE == (24, 28, 29, 32)
    assert OF_MAPS == (12, 13)
    assert RINGS == (27, 31)


def test_a_release_is_compared_as_numbers() -> None:
    assert Feature(1, "4.10").release > Feature(1, "4.9").release
    assert Feature(1, "5.8", "457f44363a88").origin == "5.8, commit 457f44363a88"
    assert Feature(1, "5.8").origin == "5.8"


def enumerators(text: str, enumeration: str) -> dict[str, int]:
    """Those of one enumeration of linux/bpf.h."""
    if enumeration == "bpf_func_id":
        rows = re.findall(r"^\s+FN\((\w+)(?:, (\d+), \w+)?[,)]", text, re.MULTILINE)
        return {f"BPF_FUNC_{name}": int(number or at) for at, (name, number) in enumerate(rows)}
    found: dict[str, int] = {}
    body = re.search(rf"^enum {enumeration} {{(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    assert body, enumeration
    plain = re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL)
    for name, equal in re.findall(r"(\w+)(?: = (\w+))?,", plain):
        found[name] = found[equal] if equal else max(found.values(), default=-1) + 1
    return found


@pytest.mark.parametrize("enumeration", ENUMERATIONS)
def test_names_and_numbers_are_those_of_the_header(enumeration: str) -> None:
    if not HEADER.exists() or not VERSION.exists():
        missing(f"linux-libc-dev: {HEADER}, {VERSION}")
    code = re.search(r"LINUX_VERSION_CODE (\d+)", VERSION.read_text())
    assert code
    release = (int(code[1]) >> 16, int(code[1]) >> 8 & 255)
    listed = enumerators(HEADER.read_text(), enumeration)
    assert list(misnumbered(ENUMERATIONS[enumeration], listed, release)) == []


def found(release: str, **changes: str) -> dict[str, Any]:
    """What a kernel says that has just what the table says it has, but for `changes`."""
    number = kernel_version(release)
    there = {
        title: {name: each.release <= number for name, each in known.features.items()}
        for title, known in ENUMERATIONS.items()
    }
    listed = {
        title: {
            known.enumerator(name): known.features[name].number
            for name, listed in there[title].items()
            if listed
        }
        for title, known in ENUMERATIONS.items()
    }
    probed = {
        title: {name: "known" if each else "unknown" for name, each in of.items()} | changes
        for title, of in there.items()
        if title == "bpf_map_type"
    }
    options = {"CONFIG_BPF_LSM": "n"}
    return {"release": release, "options": options, "listed": listed, "probed": probed}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, 0),
        ({"ringbuf": "unknown"}, 1),
        ({"arena": "known"}, 1),
        ({"arena": "EPERM"}, 0),
        ({"ringbuf": "EPERM"}, 1),
        ({"inode_storage": "unknown"}, 0),  # built without what it needs
        ({"bloom_filter": "known", "user_ringbuf": "known"}, 2),
    ],
)
def test_a_kernel_that_says_something_else_is_heard(changes: dict[str, str], lines: int) -> None:
    told = list(contradictions(found("5.10.0-32", **changes), decided=True))
    assert len(told) == lines, told


def test_a_refusal_for_another_reason_counts_only_where_all_is_open() -> None:
    assert not list(contradictions(found("6.1.0", ringbuf="EPERM"), decided=False))
    assert len(list(contradictions(found("6.1.0", ringbuf="unknown"), decided=False))) == 1


def test_an_enumeration_that_differs_is_heard() -> None:
    known = ENUMERATIONS["bpf_map_type"]
    listed = {known.enumerator(name): each.number for name, each in MAP_TYPES.items()}
    assert list(misnumbered(known, listed, NEWEST)) == []
    assert len(list(misnumbered(known, {**listed, "BPF_MAP_TYPE_HASH": 2}, NEWEST))) == 1
    assert len(list(misnumbered(known, {**listed, "BPF_MAP_TYPE_NEW": 99}, NEWEST))) == 1
    assert list(misnumbered(known, {**listed, "BPF_MAP_TYPE_NEW": 99}, (99, 0))) == []
    del listed["BPF_MAP_TYPE_HASH"]
    assert len(list(misnumbered(known, listed, NEWEST))) == 1


def cited() -> Iterator[tuple[str, str, str]]:
    """Each commit of the table in our texts: where, and the release that is named with it."""
    places = ("checks/*.py", "bpfdoctor/**/*.py", "docs/**/*.md")
    commits = {each.commit for _, each in EVERY}
    files = (file for place in places for file in ROOT.glob(place))
    for path in (each for each in files if each.parent.name != "features"):
        text = " ".join(path.read_text().split())
        for commit in re.finditer(r"\b[0-9a-f]{12}\b", text):
            if commit[0] in commits:
                releases = re.findall(r"Linux (\d\.\d+)|since (\d\.\d+)", text[: commit.start()])
                yield path.name, commit[0], "".join(releases[-1])


def test_no_text_gives_a_feature_another_release_than_the_table() -> None:
    since: dict[str, set[str]] = {}
    for _, each in EVERY:
        since.setdefault(each.commit, set()).add(each.since)
    told = list(cited())
    assert len(told) > 10
    assert [each for each in told if each[2] not in since[each[1]]] == []
