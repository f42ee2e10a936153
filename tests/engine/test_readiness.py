"""Needs and findings give readiness; what was observed stands over it."""

from __future__ import annotations

import msgspec
import pytest
from sample_project import KIND, NEEDS, PROJECT, examined, finding

from bpfdoctor.api import Build, Instead, Project, Stage, Status, Target, Tree
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.readiness import (
    NOTHING_KNOWN,
    Stages,
    asked_stages,
    observe,
    predict,
    seen_instead,
    unproven,
)
from bpfdoctor.model import Proof, Readiness, StageResult
from bpfdoctor.projects.model import Program
from bpfdoctor.smoke.model import Observed, Outcome

SMOKE = ("smoke.program[demo]",)
READY = StageResult(Readiness.READY, Proof.PREDICTED)
BEHIND = {
    Stage.BUILD: (Stage.BUILD,),
    Stage.LOAD: (Stage.LOAD, Stage.ATTACH, Stage.FIRES),
    Stage.ATTACH: (Stage.ATTACH, Stage.FIRES),
    Stage.FIRES: (Stage.FIRES,),
}
"""What each stage takes with it: what was built elsewhere may run here."""


def predicted(found: Findings) -> Stages:
    return predict(PROJECT, "demo", found)


def seen(*outcomes: tuple[Stage, bool | None]) -> Observed:
    return Observed("demo", tuple(Outcome(stage, happened, "") for stage, happened in outcomes))


def test_everything_passing_is_predicted_ready_at_every_stage() -> None:
    assert predicted(examined()) == dict.fromkeys(Stage, READY)


def test_a_warning_does_not_stand_in_the_way() -> None:
    assert predicted(examined(finding("kernel.load", Status.WARN))) == dict.fromkeys(Stage, READY)


@pytest.mark.parametrize(
    ("status", "readiness", "proof"),
    [
        (Status.FAIL, Readiness.NOT_READY, Proof.PREDICTED),
        (Status.UNKNOWN, Readiness.UNKNOWN, Proof.NONE),
        (Status.ERROR, Readiness.UNKNOWN, Proof.NONE),
    ],
)
@pytest.mark.parametrize("at", list(Stage))
def test_a_need_that_is_not_met_closes_its_stage_and_those_that_rest_on_it(
    at: Stage, status: Status, readiness: Readiness, proof: Proof
) -> None:
    closed = StageResult(readiness, proof, (NEEDS[at],))
    expected = {stage: closed if stage in BEHIND[at] else READY for stage in Stage}
    assert predicted(examined(finding(NEEDS[at], status))) == expected


def test_where_something_failed_what_could_not_be_seen_is_not_blamed() -> None:
    found = examined(
        finding("kernel.load", Status.UNKNOWN), finding("mounts.trace[one]", Status.FAIL)
    )
    assert predicted(found)[Stage.LOAD].readiness is Readiness.UNKNOWN
    assert predicted(found)[Stage.FIRES].readiness is Readiness.NOT_READY
    assert predicted(found)[Stage.FIRES].because == ("mounts.trace[one]",)


def test_a_need_that_nobody_examined_is_unknown_and_named() -> None:
    found = examined(finding("kernel.load", Status.UNKNOWN))
    found.ran.discard("mounts.trace")
    del found.by_key["mounts.trace[one]"]
    closed = StageResult(Readiness.UNKNOWN, Proof.NONE, ("kernel.load", "mounts.trace[one]"))
    assert predicted(found)[Stage.ATTACH] == closed


def test_a_check_with_nothing_to_judge_here_meets_its_need() -> None:
    found = examined()
    del found.by_key["tool.compiler"]
    assert predicted(found) == dict.fromkeys(Stage, READY)


def test_a_crash_of_the_whole_check_counts_for_each_of_its_subjects() -> None:
    found = examined(finding("mounts.trace", Status.ERROR))
    assert predicted(found)[Stage.ATTACH].because == ("mounts.trace",)


def test_a_skip_blames_the_root_and_not_itself() -> None:
    skip = finding("kernel.load", Status.SKIP, "tool.compiler")
    found = examined(finding("tool.compiler", Status.FAIL), skip)
    assert predicted(found)[Stage.LOAD].because == ("tool.compiler",)


@pytest.mark.parametrize("stage", list(Stage))
def test_what_was_seen_to_work_stands_over_the_prediction_of_that_stage_alone(
    stage: Stage,
) -> None:
    before = predicted(examined(*(finding(key, Status.FAIL) for key in NEEDS.values())))
    expected = {**before, stage: StageResult(Readiness.READY, Proof.OBSERVED)}
    assert observe(before, seen((stage, True)), SMOKE) == expected


@pytest.mark.parametrize("at", list(Stage))
def test_a_stage_seen_to_fail_takes_with_it_only_what_rests_on_it(at: Stage) -> None:
    fallen = StageResult(Readiness.NOT_READY, Proof.PREDICTED, SMOKE)
    expected = {stage: fallen if stage in BEHIND[at] else READY for stage in Stage}
    expected[at] = StageResult(Readiness.NOT_READY, Proof.OBSERVED, SMOKE)
    assert observe(predicted(examined()), seen((at, False)), SMOKE) == expected


@pytest.mark.parametrize(
    ("status", "blamed"), [(Status.FAIL, ("kernel.load",)), (Status.UNKNOWN, SMOKE)]
)
def test_a_failure_that_was_foreseen_keeps_its_cause(
    status: Status, blamed: tuple[str, ...]
) -> None:
    before = predicted(examined(finding("kernel.load", status)))
    found = observe(before, seen((Stage.BUILD, True), (Stage.LOAD, False)), SMOKE)
    assert found[Stage.LOAD] == StageResult(Readiness.NOT_READY, Proof.OBSERVED, blamed)
    assert found[Stage.FIRES] == StageResult(Readiness.NOT_READY, Proof.PREDICTED, blamed)


@pytest.mark.parametrize("nothing", [None, seen(), seen((Stage.LOAD, None))])
def test_what_was_not_seen_keeps_its_prediction(nothing: Observed | None) -> None:
    before = predicted(examined(finding("mounts.trace[one]", Status.UNKNOWN)))
    assert observe(before, nothing, SMOKE) == before


@pytest.mark.parametrize("happened", [True, False])
def test_the_prediction_is_kept_to_be_compared_with_what_was_seen(happened: bool) -> None:
    before = predicted(examined())
    observe(before, seen((Stage.LOAD, happened)), SMOKE)
    assert before == dict.fromkeys(Stage, READY)


@pytest.mark.parametrize("tried", [False, True])
def test_a_program_that_only_a_run_can_judge_is_unknown_whatever_others_did(tried: bool) -> None:
    stranger = Program("a stranger", needs={Stage.LOAD: ("smoke.program[{program}]",)})
    kind = msgspec.structs.replace(KIND, unlisted=stranger)
    found = examined(finding("smoke.program[demo]", Status.PASS))
    if tried:
        found.add(finding("smoke.program[stranger]", Status.UNKNOWN))
    results = predict(Project(kind, "/tree", ("demo", "stranger")), "stranger", found)
    closed = StageResult(Readiness.UNKNOWN, Proof.NONE, ("smoke.program[stranger]",))
    assert results == dict.fromkeys(BEHIND[Stage.LOAD], closed) | {Stage.BUILD: NOTHING_KNOWN}


def test_a_program_of_which_no_need_is_known_is_unknown_at_every_stage() -> None:
    silent = msgspec.structs.replace(KIND, programs={"demo": Program("says nothing")})
    results = predict(Project(silent, "/tree", ("demo",)), "demo", examined())
    assert results == dict.fromkeys(Stage, NOTHING_KNOWN)


def test_an_object_is_built_and_without_needs_nothing_else_is_known_of_it() -> None:
    silent = msgspec.structs.replace(KIND, programs={"demo": Program("says nothing")})
    project = Project(silent, "", ("demo",), object="mine.bpf.o")
    results = predict(project, "demo", examined())
    assert results == {**dict.fromkeys(Stage, NOTHING_KNOWN), Stage.BUILD: READY}


BUILDS = Build("src", "src/Makefile")
WITH_BUILD = msgspec.structs.replace(KIND, build=BUILDS)
STAGES = {stage: tuple(s for s in Stage if s.order <= stage.order) for stage in Stage}
RUN_ALONE = {**STAGES, Stage.LOAD: (Stage.LOAD,), Stage.ATTACH: (Stage.LOAD, Stage.ATTACH)}
NO_BUILD = {stage: tuple(s for s in seen if s is not Stage.BUILD) for stage, seen in STAGES.items()}


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        (Project(WITH_BUILD, "/tree"), STAGES),
        (Project(WITH_BUILD, tree=Tree("/here")), RUN_ALONE),
        (Project(WITH_BUILD, tree=Tree("/here", named=True)), STAGES),
        (Project(WITH_BUILD, tree=Tree("/here", signs=("x.bpf.c",))), STAGES),
        (Project(KIND, tree=Tree("/here")), STAGES),
        (Project(KIND, object="mine.bpf.o"), NO_BUILD),
    ],
    ids=["checkout", "project", "named-directory", "unknown-tree", "machine", "object"],
)
def test_the_build_is_asked_for_unless_there_is_nothing_to_build(
    project: Project, expected: dict[Stage, tuple[Stage, ...]]
) -> None:
    assert {s: asked_stages(project, Target("demo", s)) for s in Stage} == expected


WAY = Instead(arguments=("CLANG=clang-15",))


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("stage", list(Stage))
def test_what_was_seen_of_another_command_leaves_the_users_own_as_it_is(
    stage: Stage, happened: bool
) -> None:
    observed = msgspec.structs.replace(seen((stage, happened)), instead=WAY)
    before = predicted(examined(finding("tool.compiler", Status.FAIL)))
    assert observe(before, observed, SMOKE) == before
    readiness = Readiness.READY if happened else Readiness.NOT_READY
    roots = () if happened else SMOKE
    expected = {stage: StageResult(readiness, Proof.OBSERVED, roots)}
    assert seen_instead(observed, SMOKE) == expected


def test_nothing_was_seen_instead_of_the_users_own_command() -> None:
    assert seen_instead(None, SMOKE) == {}
    assert seen_instead(seen((Stage.BUILD, True)), SMOKE) == {}


def test_where_only_a_proof_counts_what_is_predicted_ready_is_not_known() -> None:
    failed = StageResult(Readiness.NOT_READY, Proof.PREDICTED, ("a.b",))
    assert unproven({Stage.BUILD: READY, Stage.LOAD: failed}) == {
        Stage.BUILD: NOTHING_KNOWN,
        Stage.LOAD: failed,
    }
