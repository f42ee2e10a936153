"""The archiver: real ones, and what AR and HOSTAR may name instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from private_path import Bounded, private_path, real
from ways import with_words

from bpfdoctor.api import Finding, Install, NoAnswer, Project, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import FakeHost, one, run_check

TOOLS = {"CC": "cc", "AR": "ar", "HOSTAR": "ar"}
PROJECT = Project(
    ProjectKind("own", "own", "own", (), {}, build=Build(".", "Makefile", tools=TOOLS))
)


@pytest.fixture
def private(tmp_path: Path, needs: Callable[..., None]) -> Path:
    """A PATH of its own: a C compiler and what it calls, and no archiver."""
    needs("cc", "as", "ld")
    place = private_path(tmp_path)
    for name in ("cc", "as", "ld"):
        (place / name).symlink_to(real(name))
    return place


def found(place: Path, **variables: str) -> Finding:
    return one(run_check("toolchain.ar", Bounded(place, **variables), PROJECT))


def test_the_archiver_of_this_machine_passes(live: LiveHost, needs: Callable[..., None]) -> None:
    needs("cc", "ar")
    finding = one(run_check("toolchain.ar", live, PROJECT))
    assert finding.status is Status.PASS
    assert finding.summary == "ar packs a library"


def test_without_any_archiver_one_is_to_be_installed(private: Path) -> None:
    finding = found(private)
    assert finding.status is Status.FAIL
    assert finding.summary == "ar is not on PATH"
    assert finding.fixes == (Install(("binutils",)),)


@pytest.mark.parametrize(
    ("variables", "trouble", "override"),
    [
        ({"AR": "nonesuch"}, "nonesuch is not on PATH", "AR=ar"),
        ({"AR": ""}, "AR is set to nothing", "AR=ar"),
        ({"AR": "/bin/false"}, "/bin/false exits 1", "AR=ar"),
        ({"HOSTAR": "nonesuch"}, "nonesuch is not on PATH", "HOSTAR=ar"),
    ],
)
def test_a_variable_that_names_none_is_told_with_the_way_around(
    private: Path,
    needs: Callable[..., None],
    variables: dict[str, str],
    trouble: str,
    override: str,
) -> None:
    needs("ar")
    (private / "ar").symlink_to(real("ar"))
    finding = found(private, **variables)
    assert finding.status is Status.FAIL
    assert finding.summary == f"{trouble}; ar works"
    assert finding.fixes == (with_words(override),)


def test_llvms_archiver_is_one_as_well(private: Path, needs: Callable[..., None]) -> None:
    needs("llvm-ar")
    (private / "llvm-ar").symlink_to(real("llvm-ar"))
    assert found(private).fixes == (
        Install(("binutils",)),
        with_words("AR=llvm-ar", "HOSTAR=llvm-ar"),
    )
    assert found(private, AR="llvm-ar", HOSTAR="llvm-ar").status is Status.PASS
    (private / "ar").symlink_to(real("llvm-ar"))
    assert found(private, AR="llvm-ar").summary == "llvm-ar and ar pack a library"


def test_without_a_compiler_nothing_is_said_of_the_archiver(tmp_path: Path) -> None:
    finding = found(tmp_path)
    assert finding.status is Status.SKIP
    assert finding.blocked_by == ("toolchain.cc",)


def test_missing_data_neither_passes_nor_fails() -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    finding = one(run_check("toolchain.ar", host, PROJECT))
    assert finding.status in {Status.UNKNOWN, Status.SKIP}
