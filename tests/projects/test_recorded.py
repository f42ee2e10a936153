"""The facts that are recorded of known commits are those of a fresh compile of their sources."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from loud import require

from bpfdoctor.engine.record_facts import embedded_facts, facts_of
from bpfdoctor.engine.session import Options
from bpfdoctor.engine.subject import choose_project
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.architecture import machine_architecture
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.model import Stage
from bpfdoctor.projects import recorded
from bpfdoctor.projects.model import Project
from bpfdoctor.projects.reader import kind_named, kinds
from bpfdoctor.projects.recorded import (
    PLACE,
    RecordedFacts,
    recorded_facts,
    recorded_judged,
    with_recorded,
)

KINDS = sorted(path.stem for path in PLACE.glob("*.json"))
CHECKOUT = os.environ.get("BPFDOCTOR_CHECKOUT", "")


def known(kind: str) -> RecordedFacts:
    facts = recorded_facts(kind)
    assert facts is not None
    return facts


def plain(facts: RecordedFacts) -> object:
    """As the file has it, for a difference to be read."""
    return msgspec.to_builtins(facts)


def test_every_kind_has_facts_of_every_program_that_it_lists() -> None:
    assert set(KINDS) == set(kinds())
    for name, kind in kinds().items():
        assert set(known(name).programs) == set(kind.programs)


def test_the_facts_of_our_own_program_are_those_of_a_fresh_compile(live: LiveHost) -> None:
    """Else: `python -m bpfdoctor.engine.record_facts embedded`."""
    require("clang")
    assert plain(known("embedded")) == plain(embedded_facts(live))


def of_checkout(live: LiveHost) -> tuple[Project, str]:
    """The checkout that is given, and the commit whose facts are recorded of its kind; or a skip.

    Nothing of it may be in this repository, so it is not asked for where nothing may be missing.
    """
    if not CHECKOUT:
        pytest.skip("needs a checkout of libbpf-bootstrap: set BPFDOCTOR_CHECKOUT to its path")
    require("clang", "git")
    place = str(Path(CHECKOUT).resolve())
    project = choose_project(live, Options(directory=place, smoke=False))
    commit = known(project.name).commit
    argv = ["git", "-c", "safe.directory=*", "-C", place, "rev-parse", "HEAD"]
    head = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    if not head.startswith(commit) or machine_architecture() != "x86_64":
        pytest.skip(f"{CHECKOUT} is at {head[:7]}; what is recorded is of {commit}, for x86_64")
    return project, commit


def test_the_facts_of_a_commit_are_those_of_a_fresh_compile(live: LiveHost) -> None:
    """Else: `python -m bpfdoctor.engine.record_facts NAME CHECKOUT COMMIT`."""
    project, commit = of_checkout(live)
    listed = tuple(known(project.name).programs)
    assert set(project.programs) <= set(
        listed
    )  # its makefile leaves out one where there is no cargo
    all_of_it = msgspec.structs.replace(project, programs=listed)
    fresh = facts_of(live, all_of_it, commit)
    assert plain(known(project.name)) == plain(fresh)


@pytest.mark.parametrize("kind", KINDS)
def test_no_kernel_is_in_what_is_recorded(kind: str) -> None:
    for each in known(kind).programs.values():
        assert not each.object.kernel_btf
        assert not any(program.missing or program.absent for program in each.object.programs)


@pytest.mark.parametrize("kind", KINDS)
def test_each_recorded_program_needs_something_to_load_and_to_attach(kind: str) -> None:
    project = with_recorded(Project(kind_named(kind), "", tuple(kind_named(kind).programs)))
    for name in project.programs:
        assert f"object.file[{name}]" in project.needs(name, Stage.LOAD)
        assert project.needs(name, Stage.ATTACH) or project.maybe(name, Stage.ATTACH)


def test_recorded_facts_are_said_to_be_of_their_commit() -> None:
    kind = kind_named("libbpf-bootstrap")
    project, commit = Project(kind, "", tuple(kind.programs)), known("libbpf-bootstrap").commit
    same, other = (recorded_judged(project, "minimal", why) for why in ("", "it is another's"))
    assert same is not None
    assert other is not None
    assert (same.said, same.doubt) == (f"of commit {commit}", "")
    assert (other.said, other.doubt) == (f"of commit {commit}, not of this tree", "it is another's")
    assert recorded_judged(project, "of_nobody") is None


def test_a_file_that_is_not_as_it_was_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(PLACE / "embedded.json", tmp_path / "cut.json")
    os.truncate(tmp_path / "cut.json", 400)
    monkeypatch.setattr(recorded, "PLACE", tmp_path)
    with pytest.raises(BpfDoctorError, match=r"recorded facts .*cut\.json: "):
        recorded_facts("cut")
    assert recorded_facts("of-nobody") is None
    recorded_facts.cache_clear()
