"""The commands that makefiles call: found on a real PATH, or missing from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    ByHand,
    FindExecutables,
    Finding,
    FoundTools,
    Install,
    NoAnswer,
    Project,
    Question,
    Status,
    files,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import FakeHost, one, project_named, run_check

MAKEFILE = (
    "ARCH ?= $(shell uname -m | sed 's/x86_64/x86/' \\\n"
    "\t\t | sed 's/arm.*/arm/')\n"
    "VERSION := $(shell grep -oE '^X' map | sort -rV | head -n1 | cut -d'_' -f2)\n"
    "INSTALL = install\n"
    "# mkdir in a comment, and OUTPUT_sed\n"
    "$(OUTPUT):\n\t$(Q)mkdir -p $@\n"
    "out: in\n\t$(Q)cp $< $@\n"
    "copy-install: out\n"
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "Makefile").write_text(MAKEFILE)
    build = Build(".", "Makefile", tools={"CC": "cc"})
    return Project(ProjectKind("own", "own", "own", (), {}, build=build), str(tmp_path / "tree"))


CALLED = ("cp", "cut", "head", "mkdir", "sort", "uname", "grep", "sed")


class Alone(LiveHost):
    """As if /usr/bin held none of them either."""

    def ask(self, question):  # type: ignore[no-untyped-def]
        return FoundTools(()) if isinstance(question, FindExecutables) else super().ask(question)


def found(project: Project, place: Path, *without: str, host: type[LiveHost] = Alone) -> Finding:
    place.mkdir()
    for name in CALLED:
        path = shutil.which(name)
        assert path is not None
        if name not in without:
            (place / name).symlink_to(path)
    return one(run_check("toolchain.commands", host(Machine({"PATH": str(place)})), project))


def test_what_no_makefile_calls_is_not_asked_for(project: Project, tmp_path: Path) -> None:
    """`install` is only the name of a variable there."""
    finding = found(project, tmp_path / "bin")
    assert finding.status is Status.PASS
    assert finding.summary == f"{', '.join(CALLED)}: on PATH"


@pytest.mark.parametrize(
    ("name", "capability"), [("sed", "sed"), ("grep", "grep"), ("mkdir", "coreutils")]
)
def test_one_that_is_missing_is_to_be_installed(
    project: Project, tmp_path: Path, name: str, capability: str
) -> None:
    finding = found(project, tmp_path / "bin", name)
    assert finding.status is Status.FAIL
    assert finding.summary == f"{name} is not on PATH: the makefiles call it"
    assert finding.fixes == (Install((capability,)),)


def test_several_that_are_missing_are_one_finding(project: Project, tmp_path: Path) -> None:
    finding = found(project, tmp_path / "bin", "cp", "cut", "sed")
    assert finding.summary == "cp, cut, sed are not on PATH: the makefiles call them"
    assert finding.fixes == (Install(("coreutils", "sed")),)


def test_a_path_that_does_not_lead_to_them_is_to_be_mended(
    project: Project, tmp_path: Path
) -> None:
    if not Path("/usr/bin/sed").exists():
        pytest.skip("sed lies elsewhere here")
    (fix,) = found(project, tmp_path / "bin", "sed", host=LiveHost).fixes
    assert isinstance(fix, ByHand)
    assert "PATH" in fix.text


def test_makefiles_that_cannot_be_read_leave_it_open(project: Project) -> None:
    host = FakeHost(otherwise=NoAnswer("EACCES"))
    assert one(run_check("toolchain.commands", host, project)).status is Status.UNKNOWN


def test_a_path_that_was_not_searched_leaves_it_open(project: Project) -> None:
    text: dict[Question[Any], Answer] = {
        files.Read(project.inside("Makefile")): files.Text(MAKEFILE)
    }
    host = FakeHost(text, otherwise=NoAnswer("not-recorded"))
    finding = one(run_check("toolchain.commands", host, project))
    assert finding.status is Status.UNKNOWN
    assert "sed" in finding.summary


def test_without_a_tree_nothing_is_called() -> None:
    assert run_check("toolchain.commands", FakeHost(), project_named()) == ()
