"""A checkout is found upwards, and its programs are read off its makefile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.record import RecordedHost, RecordingHost, Snapshot, read_snapshot
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.system.files import (
    AskDirectory,
    Directory,
    FileText,
    LookAt,
    PathFacts,
    ReadFile,
)
from bpfdoctor.model import Tool
from bpfdoctor.projects.makefile import words_of
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.testing import FakeHost

TODAY = """\
CARGO ?= $(shell which cargo)
ifeq ($(strip $(CARGO)),)
BZS_APPS :=
else
BZS_APPS := profile
APPS += $(BZS_APPS)
endif
"""
OURS = PathFacts("directory", "", "directory", 0, 0o700, 1000, False)
APPS = "APPS = minimal \\\n       bootstrap # and more\n"


def words(text: str, tools: tuple[str, ...] = (), **environment: str) -> tuple[str, ...]:
    def which(tool: str) -> str:
        return f"/usr/bin/{tool}" if tool in tools else ""

    return words_of(text, "APPS", which, environment.get)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "checkout"
    (place / "examples/c").mkdir(parents=True)
    (place / "examples/c/Makefile").write_text(APPS)
    (place / "examples/c/minimal.bpf.c").write_text("")
    return place


def host(path: str = "/nonexistent") -> LiveHost:
    return LiveHost(Machine({"PATH": path}))


@pytest.mark.parametrize("below", ["", "examples", "examples/c"])
def test_a_checkout_is_found_upwards(checkout: Path, below: str) -> None:
    found = find_project(host(), str(checkout / below))
    assert found is not None
    assert (found.name, found.path) == ("libbpf-bootstrap", str(checkout))
    assert found.programs == ("minimal", "bootstrap")
    assert "APPS in examples/c/Makefile" in found.evidence


def test_a_relative_directory_and_one_behind_a_link_are_found_too(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout.parent / "link").symlink_to(checkout / "examples")
    monkeypatch.chdir(checkout.parent)
    for start in ("checkout", "./link/c"):
        found = find_project(host(), start)
        assert found is not None
        assert found.path == str(checkout)


def test_a_checkout_that_somebody_else_left_above_is_none(
    checkout: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    mine = checkout / "mine"
    mine.mkdir()
    os.chown(checkout / "examples/c/Makefile", 12345, 12345)
    assert find_project(host(), str(mine)) is None
    assert find_project(host(), str(checkout)) is not None
    os.chown(mine, 12345, 12345)
    assert find_project(host(), str(mine)) is not None


def test_the_layout_of_2020_is_another_kind(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Makefile").write_text("APPS = minimal uprobe\n")
    (tmp_path / "src/minimal.bpf.c").write_text("")
    found = find_project(host(), str(tmp_path / "src"))
    assert found is not None
    assert (found.name, found.programs) == ("libbpf-bootstrap-2020", ("minimal", "uprobe"))


def test_elsewhere_and_nowhere_there_is_no_project(tmp_path: Path) -> None:
    assert find_project(host(), str(tmp_path)) is None
    assert find_project(host(), str(tmp_path / "absent")) is None
    assert find_project(host(), "a\0b") is None


@pytest.mark.parametrize("makefile", ["", "APPS = $(shell echo a)\n", "APPS = ../../etc /bin/x\n"])
def test_a_makefile_without_readable_programs_leaves_those_of_the_kind(
    checkout: Path, makefile: str
) -> None:
    (checkout / "examples/c/Makefile").write_text(makefile)
    found = find_project(host(), str(checkout))
    assert found is not None
    assert found.programs == tuple(kind_named("libbpf-bootstrap").programs)
    assert "known to have" in found.evidence


def test_a_makefile_that_is_no_file_leaves_those_of_the_kind(checkout: Path) -> None:
    (checkout / "examples/c/Makefile").unlink()
    (checkout / "examples/c/Makefile").mkdir()
    found = find_project(host(), str(checkout))
    assert found is not None
    assert found.programs == tuple(kind_named("libbpf-bootstrap").programs)
    assert "cannot be read" in found.evidence


def test_the_same_project_is_found_on_a_recorded_machine(checkout: Path, tmp_path: Path) -> None:
    recording = RecordingHost(host())
    live = find_project(recording, str(checkout / "examples/c"))
    redactor = Redactor(checkout=str(checkout))
    snapshot = Snapshot(Tool("bpfdoctor", "0"), "3", "now", 0, {}, recording.answers)
    snapshot.write(tmp_path / "snapshot", redactor)
    recorded = RecordedHost(read_snapshot(tmp_path / "snapshot"))
    assert find_project(recorded, "$CHECKOUT/examples/c") == redactor.value(live)


def test_profile_is_a_program_where_cargo_is_found_and_not_elsewhere() -> None:
    assert words(APPS + TODAY) == ("minimal", "bootstrap")
    assert words(APPS + TODAY, tools=("cargo",)) == ("minimal", "bootstrap", "profile")
    assert words(APPS + TODAY, CARGO="/opt/cargo") == ("minimal", "bootstrap", "profile")
    assert words(APPS + TODAY, tools=("cargo",), CARGO="") == ("minimal", "bootstrap")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("APPS := a\nAPPS += b\n", "a b"),
        ("APPS ?= a\nAPPS ?= b\n", "a"),
        ("X = b\nAPPS = a ${X}\nX = c\n", "a c"),
        ("X = b\nAPPS := a $(X)\nX = c\n", "a b"),
        ("all: APPS\n\tAPPS = no\nAPPS = a a b\n", "a b"),
        ("define APPS\nno\nendef\nAPPS = a\n", "a"),
        ("ifdef NO\nAPPS = a\nelse\nAPPS = b\nendif\n", "b"),
        ("ifneq (a, b)\nAPPS = a\nelse ifeq (1,1)\nAPPS = b\nendif\n", "a"),
        ('ifeq "a" "b"\nAPPS = a\nelse ifeq (1,1)\nAPPS = b\nelse\nAPPS = c\nendif\n', "b"),
        ("ifeq ($(shell uname),x)\nAPPS = a\nelse\nAPPS = b\nendif\n", "a b"),
        ("APPS = $(APPS)\n", ""),
        ("A = $(B)$(B)\nB = $(A)$(A)\nAPPS = $(A)\n", ""),
        ("endif\nelse\nAPPS = a\n", "a"),
        ("export override APPS = a\n", "a"),
    ],
)
def test_a_makefile_is_read_as_make_would(text: str, expected: str) -> None:
    assert " ".join(words(text)) == expected


def test_a_value_that_explodes_is_given_up() -> None:
    doubling = "".join(f"V{n} = $(V{n + 1}) $(V{n + 1})\n" for n in range(15))
    assert words(f"APPS = $(V0)\n{doubling}V15 = {'x' * 100}\n") == ()


@given(st.text(alphabet="APS=+:?$(){} \n\t\\#ifeqndsl,\"'", max_size=120))
def test_no_makefile_breaks_the_reader(text: str) -> None:
    assert isinstance(words(text), tuple)


def test_a_tree_that_is_shut_is_known_by_its_submodules() -> None:
    known: dict[Question[Any], Answer] = {
        AskDirectory("/tree"): Directory("/tree", ("/",)),
        LookAt("/tree"): OURS,
        LookAt("/tree/.gitmodules"): OURS,
        LookAt("/tree/examples/c/minimal.bpf.c"): NoAnswer("EACCES"),
        ReadFile("/tree/.gitmodules"): FileText('[submodule "libbpf"]\n\tpath = libbpf\n'),
    }
    found = find_project(FakeHost(known, otherwise=NoAnswer("ENOENT")), "/tree")
    assert found is not None
    assert found.path == "/tree"
    del known[ReadFile("/tree/.gitmodules")]
    assert find_project(FakeHost(known, otherwise=NoAnswer("ENOENT")), "/tree") is None
