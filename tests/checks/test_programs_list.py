"""The list of programs: read, asked of make, or not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfdoctor.api import Finding, Project, Run, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.smoke.listing import as_make_says
from bpfdoctor.testing import FakeHost, one, project_named, run_check


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "examples/c"
    place.mkdir(parents=True)
    for name in ("minimal.bpf.c", "minimal.c", "mine.bpf.c", "mine.c"):
        (place / name).write_text("")
    return tmp_path


def judge(checkout: Path, makefile: str, *, ask: bool = False) -> tuple[Finding, Project]:
    (checkout / "examples/c/Makefile").write_text(makefile)
    host = LiveHost(Machine())
    project = find_project(host, str(checkout))
    assert project is not None
    project = as_make_says(host, project) if ask else project
    finding = one(run_check("checkout.programs", host, project))
    host.close()
    return finding, project


def test_a_list_that_is_read_passes_with_its_place_and_words(checkout: Path) -> None:
    finding, _ = judge(checkout, "APPS = minimal mine\n")
    assert finding.status is Status.PASS
    assert finding.summary == "2 programs, from APPS in examples/c/Makefile"
    (seen,) = finding.evidence
    assert (seen.source, seen.text) == (f"{checkout}/examples/c/Makefile", "APPS: minimal mine")


def test_a_source_that_is_not_in_the_list_is_named_and_turns_no_verdict(checkout: Path) -> None:
    finding, project = judge(checkout, "APPS = minimal\n")
    assert finding.status is Status.PASS
    assert finding.summary == (
        "1 program, from APPS in examples/c/Makefile; "
        "not in it, though their sources are there: mine"
    )
    assert project.programs == ("minimal",)


def test_a_list_that_is_computed_is_unknown_and_the_way_on_is_a_build(checkout: Path) -> None:
    text = "APPS := $(patsubst %.bpf.c,%,$(wildcard *.bpf.c))\n"
    finding, project = judge(checkout, text)
    assert finding.status is Status.UNKNOWN
    assert finding.summary == "the list is computed: $(wildcard *.bpf.c)"
    assert isinstance(fix := finding.fixes[0], Run)
    assert fix.argv == ("bpfdoctor", "check")
    assert project.programs == ("mine", "minimal")
    asked, _ = judge(checkout, text, ask=True)
    assert asked.status is Status.PASS
    assert asked.summary == "2 programs, from APPS in examples/c/Makefile, as make computes it"


def test_where_make_was_asked_and_did_not_tell_its_words_are_shown(checkout: Path) -> None:
    finding, _ = judge(checkout, "APPS = $(wildcard *)\n$(error no luck)\n", ask=True)
    assert finding.status is Status.UNKNOWN
    assert finding.summary.endswith("make does not tell")
    assert "no luck" in finding.evidence[0].text


def test_without_a_makefile_the_project_is_at_fault(checkout: Path) -> None:
    host = LiveHost(Machine())
    project = find_project(host, str(checkout))
    assert project is not None
    finding = one(run_check("checkout.programs", host, project))
    assert (finding.status, finding.blocked_by) == (Status.SKIP, ("checkout.project",))


def test_without_a_checkout_there_is_no_list() -> None:
    assert run_check("checkout.programs", FakeHost(), project_named()) == ()


def test_a_build_needs_the_list() -> None:
    for name in ("libbpf-bootstrap", "libbpf-bootstrap-2020"):
        assert "checkout.programs" in project_named(name).all_needs()
