"""One run from end to end: what is run, what is proven, and what of it the report holds."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bpfdoctor import __version__
from bpfdoctor.api import (
    Check,
    Context,
    Finding,
    NoAnswer,
    Stage,
    Target,
    blocked,
    failed,
    passed,
)
from bpfdoctor.engine.load import Loaded, check_of
from bpfdoctor.engine.schedule import Nobody
from bpfdoctor.engine.session import Options, examine
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.model import Proof, Readiness, Report, StageResult, Subject
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke.judge import CHECKS as SMOKE_CHECKS
from bpfdoctor.smoke.model import Outcome
from bpfdoctor.testing import FakeHost, project_named

FINE = Check("a.fine", "fine", lambda context: passed("as it should be"))
EMBEDDED = "smoke.program[embedded]"
FIRED = [Outcome(stage, True, "seen") for stage in Stage]


def examined(*checks: Check, broken: dict[str, str] | None = None, **options: Any) -> Report:
    """The report on a machine that answers nothing, by these checks and the smoke; it is sound."""
    loaded = Loaded((FINE, *checks, *SMOKE_CHECKS), broken or {})
    host = FakeHost(otherwise=NoAnswer("refused", "nothing is answered here"))
    report = examine(host, Options(**{"project": "embedded"} | options), checks=loaded)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
    return report


def found(report: Report) -> dict[str, str]:
    return {each.key: each.status.value for each in report.findings}


def rows(report: Report) -> dict[str, dict[Stage, StageResult]]:
    return {each.name: each.stages for each in report.programs}


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [({}, 3), ({"only": ("a.fine",)}, 0), ({"skip": ("smoke.kernel",)}, 3)],
)
def test_the_verdict_is_about_programs_or_about_chosen_checks(
    narrowed: dict[str, Any], expected: int
) -> None:
    report = examined(smoke=False, **narrowed)
    assert report.verdict.exit == expected
    assert (report.verdict.readiness is None) is bool(narrowed)
    assert (report.programs == ()) is bool(narrowed)
    assert (report.selection.targets == ()) is bool(narrowed)


def test_a_file_of_checks_that_cannot_be_loaded_makes_the_run_undetermined() -> None:
    report = examined(broken={"kernel": "Traceback"}, smoke=False, only=("a.fine",))
    assert found(report) == {"a.fine": "pass", "engine.load[kernel]": "error"}
    assert report.verdict.exit == 3


def test_a_skip_that_blames_what_passed_does_not_reach_the_report() -> None:
    liar = Check("a.liar", "liar", lambda context: blocked("no", by=("a.fine",)))
    assert found(examined(liar, smoke=False))["a.liar"] == "error"


def test_only_the_chosen_checks_run() -> None:
    other = Check("a.other", "other", lambda context: passed("it ran"))
    assert found(examined(other, only=("a.other",))) == {"a.other": "pass"}


@pytest.mark.parametrize("smoke", [True, False])
def test_a_check_is_told_what_is_judged_and_whether_the_user_asked_for_a_build(
    seen: object, smoke: bool
) -> None:
    told: list[Context] = []
    target = Target("embedded", Stage.LOAD)
    note = Check("a.note", "note", told.append, gates=True)
    examined(note, smoke=smoke, targets=(target,))
    (context,) = told
    assert (context.project.name, context.selection.targets) == ("embedded", (target,))
    assert context.may_build is smoke


@pytest.mark.parametrize(
    ("options", "proofs", "said"),
    [
        ({}, {"smoke.kernel", EMBEDDED}, "ran"),
        ({"smoke": False}, set(), "left-out"),
        ({"smoke": False, "only": ("smoke",)}, set(), "left-out"),
        ({"only": ("a.fine",)}, set(), "left-out"),
        ({"only": ("smoke",)}, {"smoke.kernel", EMBEDDED}, "ran"),
        ({"only": ("smoke.kernel",)}, {"smoke.kernel"}, "ran"),
        ({"only": ("smoke.program",)}, {EMBEDDED}, "ran"),
        ({"skip": ("smoke",)}, set(), "left-out"),
        ({"skip": ("a.fine",)}, {"smoke.kernel", EMBEDDED}, "ran"),
        ({"skip": ("smoke.kernel",)}, {EMBEDDED}, "ran"),
        ({"skip": ("smoke.program",)}, {"smoke.kernel"}, "ran"),
        ({"targets": (Target("embedded", Stage.LOAD),)}, {"smoke.kernel", EMBEDDED}, "ran"),
        ({"targets": (Target("embedded", Stage.BUILD),)}, {EMBEDDED}, "ran"),
        (
            {"targets": (Target("embedded", Stage.BUILD), Target("embedded", Stage.LOAD))},
            {"smoke.kernel", EMBEDDED},
            "ran",
        ),
    ],
)
def test_the_proofs_that_were_asked_for_are_made_and_no_others(
    seen: list[Outcome], options: dict[str, Any], proofs: set[str], said: str
) -> None:
    seen += FIRED[:1]
    report = examined(**options)
    assert {key for key in found(report) if key.startswith("smoke.")} == proofs
    assert report.smoke == said


def test_a_program_that_was_seen_to_fire_makes_the_run_ready(seen: list[Outcome]) -> None:
    seen += FIRED
    report = examined()
    observed = StageResult(Readiness.READY, Proof.OBSERVED)
    assert rows(report) == {"embedded": dict.fromkeys(Stage, observed)}
    assert report.verdict.exit == 0


def test_an_unforeseen_failure_blames_its_own_smoke(seen: list[Outcome]) -> None:
    seen += [FIRED[0], Outcome(Stage.LOAD, False, "EINVAL")]
    report = examined(skip=("smoke.kernel",))
    assert found(report)[EMBEDDED] == "fail"
    assert report.verdict.exit == 1


def test_each_of_several_failures_blames_its_own_smoke_alone(
    live: LiveHost, checkout: str, seen: list[Outcome]
) -> None:
    seen += [FIRED[0], Outcome(Stage.LOAD, False, "EINVAL")]
    Path(checkout, "examples/c/Makefile").write_text("APPS = minimal bootstrap\n")
    options = Options(directory=checkout, proof=True)
    report = examine(live, options, checks=Loaded((FINE, *SMOKE_CHECKS), {}))
    for name in ("minimal", "bootstrap"):
        assert rows(report)[name][Stage.LOAD].because == (f"smoke.program[{name}]",)


def test_a_failure_behind_the_kernel_blames_what_the_smoke_blames(seen: list[Outcome]) -> None:
    seen += [FIRED[0], Outcome(Stage.LOAD, False, "EINVAL")]
    report = examined()
    assert found(report)[EMBEDDED] == "skip"
    assert rows(report)["embedded"][Stage.LOAD].because == ("smoke.kernel",)


@pytest.mark.parametrize("smoke", [True, False])
@pytest.mark.parametrize("proof", [True, False])
def test_without_its_sources_no_program_is_built_and_nothing_stands_in_for_it(
    seen: list[Outcome], smoke: bool, proof: bool
) -> None:
    seen += FIRED
    report = examined(project="libbpf-bootstrap", smoke=smoke, proof=proof)
    named = {"minimal", "bootstrap"}
    assert set(rows(report)) == (named if proof else set(kind_named("libbpf-bootstrap").programs))
    assert {each.name for each in report.programs if each.selected} == named
    assert {stage.proof for stages in rows(report).values() for stage in stages.values()} == {
        Proof.NONE
    }
    assert (report.verdict.exit, report.verdict.subject) == (3, Subject.PROJECT)


def test_a_proof_alone_counts_where_it_was_asked_for(seen: list[Outcome]) -> None:
    seen += FIRED[:1]
    report = examined(proof=True)
    assert [stage.proof for stage in rows(report)["embedded"].values()] == [
        Proof.OBSERVED,
        Proof.NONE,
        Proof.NONE,
        Proof.NONE,
    ]
    assert report.verdict.exit == 3
    assert "a.fine" not in found(report)


EMBEDDED_NEEDS = project_named("embedded").all_needs()


def _well(check_id: str) -> Check:
    """A check that finds all well that the embedded program needs of it."""
    abouts = [key[len(check_id) + 1 : -1] for key in EMBEDDED_NEEDS if check_of(key) == check_id]
    return Check(check_id, check_id, lambda context: [passed("well", about=a) for a in abouts])


def test_where_only_a_proof_counts_what_is_predicted_does_not(seen: list[Outcome]) -> None:
    seen += FIRED[:1]
    checks = [_well(each) for each in {check_of(key) for key in EMBEDDED_NEEDS}]
    for proof, readiness in ((False, Readiness.READY), (True, Readiness.UNKNOWN)):
        stages = rows(examined(*checks, proof=proof, skip=()))["embedded"]
        assert stages[Stage.BUILD].proof is Proof.OBSERVED
        assert stages[Stage.LOAD].readiness is readiness


@pytest.mark.parametrize(("named", "runs"), [((), False), ((Target("lsm"),), True)])
def test_a_program_that_disturbs_the_machine_is_run_only_when_named(
    live: LiveHost,
    checkout: str,
    seen: list[Outcome],
    named: tuple[Target, ...],
    runs: bool,
) -> None:
    seen += FIRED
    Path(checkout, "examples/c/Makefile").write_text("APPS = lsm\n")
    options = Options(directory=checkout, targets=named, proof=True)
    report = examine(live, options, checks=Loaded((FINE, *SMOKE_CHECKS), {}))
    assert [target.program for target in report.selection.targets] == ["lsm"]
    assert ("smoke.program[lsm]" in found(report)) is runs
    assert (rows(report)["lsm"][Stage.FIRES].proof is Proof.OBSERVED) is runs


def test_the_report_says_what_was_judged_by_whom_and_when() -> None:
    report = examined(smoke=False)
    assert (report.tool.name, report.tool.version) == ("bpfdoctor", __version__)
    kind = kind_named("embedded")
    facts = report.project
    assert (facts.name, facts.layout, facts.path) == ("embedded", kind.layout, "")
    assert report.host.release == "?"
    assert report.selection.targets == (Target("embedded"),)
    assert 0 <= report.seconds < 60
    assert isinstance(report.seconds, float)
    assert report.seconds == round(report.seconds, 3)


def test_a_run_is_dated_by_universal_time_wherever_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "XXX-9")
        time.tzset()
        started = examined(smoke=False).started
    time.tzset()
    age = datetime.now(timezone.utc) - datetime.strptime(started, "%Y-%m-%dT%H:%M:%S%z")
    assert timedelta(0) <= age < timedelta(minutes=5)


def test_whoever_watches_is_told_of_every_check_and_of_the_smoke(seen: list[Outcome]) -> None:
    class Watcher(Nobody):
        told: list[str] = []  # noqa: RUF012

        def started(self, check_id: str) -> None:
            self.told.append(f"start {check_id}")

        def finished(self, finding: Finding) -> None:
            self.told.append(f"end {finding.key}")

        def stage(self, program: str, stage: Stage) -> None:
            self.told.append(f"{program} {stage.value}")

    seen += FIRED
    host = FakeHost(otherwise=NoAnswer("refused"))
    watcher = Watcher()
    examine(host, Options(project="embedded"), watcher, checks=Loaded((FINE, *SMOKE_CHECKS), {}))
    assert watcher.told == [
        "start a.fine",
        "end a.fine",
        "kernel fires",
        "end smoke.kernel",
        "embedded build",
        f"end {EMBEDDED}",
    ]


def test_needs_of_the_selected_stages_count_and_others_do_not() -> None:
    def fail(context: Context) -> Finding:
        return failed("broken")

    keys = ("toolchain.clang", "kernel.maps", "runtime.disk")
    checks = [Check(key, key, fail) for key in keys]
    build = (Target("embedded", Stage.BUILD),)
    report = examined(*checks, smoke=False, everything=True, targets=build)
    assert set(found(report)) == {"a.fine", *keys}
    assert {each.key for each in report.findings if each.needed} == {"toolchain.clang"}
