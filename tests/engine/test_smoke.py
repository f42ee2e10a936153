"""What a smoke saw, held against what was predicted."""

from __future__ import annotations

import pytest

import bpfdoctor.engine.smoke as phase
from bpfdoctor.api import Context, Evidence, Finding, Stage, Status, Target
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.schedule import Nobody
from bpfdoctor.engine.smoke import Smoke
from bpfdoctor.smoke.model import Observed, Outcome
from bpfdoctor.testing import FakeHost, project_named

PROJECT = project_named("libbpf-bootstrap", "/tree")
KEY = "smoke.program[minimal]"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """What the run of the program is to have shown: the phase judges it, nothing is run."""
    outcomes: list[Outcome] = []

    def run(context: Context, target: Target) -> Observed:
        return Observed(target.program, tuple(outcomes))

    monkeypatch.setattr(phase, "_run", run)
    return outcomes


def judged(*found: Finding, examined: bool = True) -> Findings:
    """The findings after the smoke of `minimal`, all of whose other needs passed."""
    findings = Findings()
    if examined:
        for stage in Stage:
            for key in PROJECT.needs("minimal", stage):
                check_id, _, about = key.rstrip("]").partition("[")
                findings.add(Finding(Status.PASS, "", id=check_id, about=about))
                findings.ran.add(check_id)
    for finding in found:
        findings.add(finding)
    smoke = Smoke(Context(FakeHost(), PROJECT), findings, Nobody())
    smoke.prove(PROJECT, Target("minimal"), named=True)
    return findings


def outcomes(last: Stage, happened: bool | None) -> list[Outcome]:
    made = [Outcome(stage, True, "worked") for stage in Stage if stage.order < last.order]
    return [*made, Outcome(last, happened, "as it went")]


def test_a_program_that_fires_passes(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.FIRES, True)
    assert judged().by_key[KEY].status is Status.PASS


@pytest.mark.parametrize("stage", list(Stage))
def test_a_failure_that_nobody_foresaw_names_its_stage(seen: list[Outcome], stage: Stage) -> None:
    seen += outcomes(stage, False)
    found = judged()
    assert found.by_key[KEY].status is Status.FAIL
    assert found.by_key[KEY].summary.startswith(f"{stage.value} failed")
    assert found.by_key["smoke.prediction[minimal]"].status is Status.WARN


def test_a_failure_that_was_foreseen_is_a_skip_that_names_the_one_cause(
    seen: list[Outcome],
) -> None:
    seen += outcomes(Stage.ATTACH, False)
    found = judged(Finding(Status.FAIL, "not mounted", id="runtime.tracefs"))
    assert found.by_key[KEY].status is Status.SKIP
    assert found.by_key[KEY].blocked_by == ("runtime.tracefs",)
    assert "smoke.prediction[minimal]" not in found.by_key


def test_a_kernel_that_runs_nothing_explains_a_program_that_does_not(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.LOAD, False)
    found = judged(Finding(Status.FAIL, "load failed", id="smoke.kernel"))
    assert found.by_key[KEY].blocked_by == ("smoke.kernel",)


def test_needs_that_were_not_examined_excuse_nothing(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.LOAD, False)
    assert judged(examined=False).by_key[KEY].status is Status.FAIL


def test_success_against_the_prediction_is_told(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.FIRES, True)
    found = judged(Finding(Status.FAIL, "refused", id="kernel.program-types", about="tracepoint"))
    assert found.by_key[KEY].status is Status.PASS
    assert found.by_key["smoke.prediction[minimal]"].status is Status.WARN


def test_what_could_not_be_seen_is_unknown(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.LOAD, None)
    assert judged().by_key[KEY].status is Status.UNKNOWN


def test_a_program_that_disturbs_the_machine_is_run_only_when_named(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.FIRES, True)
    smoke = Smoke(Context(FakeHost(), PROJECT), Findings(), Nobody())
    smoke.prove(PROJECT, Target("lsm"), named=False)
    assert smoke.observed == {}
    smoke.prove(PROJECT, Target("lsm"), named=True)
    assert set(smoke.observed) == {"lsm"}


LIBBPF, UPROBE = "[Makefile:150: libbpf.a] Error 2", "[Makefile:90: uprobe.o] Error 1"


@pytest.mark.parametrize(
    ("minimal", "bootstrap", "uprobe", "statuses"),
    [
        ({LIBBPF}, {LIBBPF}, {UPROBE}, [Status.FAIL, Status.SKIP, Status.FAIL]),
        ({LIBBPF}, {LIBBPF, UPROBE}, {UPROBE}, [Status.FAIL, Status.FAIL, Status.FAIL]),
        (set(), set(), set(), [Status.FAIL, Status.FAIL, Status.FAIL]),
    ],
)
def test_builds_that_break_at_the_very_same_have_one_cause(
    minimal: set[str],
    bootstrap: set[str],
    uprobe: set[str],
    statuses: list[Status],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broke = {"minimal": minimal, "bootstrap": bootstrap, "uprobe": uprobe}

    def run(context: Context, target: Target) -> Observed:
        log, at = (Evidence("$ make", "it broke"),), frozenset(broke[target.program])
        failed = Outcome(Stage.BUILD, False, "make: exit status 2", log, at)
        return Observed(target.program, (failed,))

    monkeypatch.setattr(phase, "_run", run)
    findings = Findings()
    smoke = Smoke(Context(FakeHost(), PROJECT), findings, Nobody())
    for name in broke:
        smoke.prove(PROJECT, Target(name), named=True)
    found = {name: findings.by_key[f"smoke.program[{name}]"] for name in broke}
    assert [each.status for each in found.values()] == statuses
    assert {each.blocked_by for each in found.values()} <= {(), (KEY,)}
