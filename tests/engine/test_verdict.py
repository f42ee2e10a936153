"""One function decides the exit status."""

from __future__ import annotations

import pytest

from bpfdoctor.engine.verdict import judge
from bpfdoctor.model import (
    ProgramResult,
    Proof,
    Readiness,
    Reported,
    Stage,
    StageResult,
    Status,
    Target,
)

TARGETS = (Target("demo"),)
UNREADY = ((Readiness.READY, 0), (Readiness.NOT_READY, 1), (Readiness.UNKNOWN, 3))


def finding(status: Status, key: str = "a.b", *, needed: bool = True) -> Reported:
    return Reported(key, "", key, "title", status, needed, "summary", (), (), ())


def program(readiness: Readiness, *at: Stage, name: str = "demo") -> ProgramResult:
    """A program that is ready at every stage but `at` (none: all of them)."""
    ready = StageResult(Readiness.READY, Proof.PREDICTED)
    other = StageResult(readiness, Proof.PREDICTED, (f"{name}.cause",))
    return ProgramResult(name, True, {each: other if each in at else ready for each in Stage})


def proven(name: str, *at: Stage, selected: bool = True) -> ProgramResult:
    """A program that is ready, and was seen to be `at` these stages."""
    how = {each: Proof.OBSERVED if each in at else Proof.PREDICTED for each in Stage}
    stages = {each: StageResult(Readiness.READY, proof) for each, proof in how.items()}
    return ProgramResult(name, selected, stages)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.PASS, 0),
        (Status.WARN, 0),
        (Status.SKIP, 0),
        (Status.FAIL, 1),
        (Status.UNKNOWN, 3),
        (Status.ERROR, 3),
    ],
)
@pytest.mark.parametrize("others", [[], [program(Readiness.READY)]], ids=["alone", "all-ready"])
def test_a_needed_finding_decides_where_nothing_else_is_wrong(
    status: Status, expected: int, others: list[ProgramResult]
) -> None:
    verdict = judge([finding(status)], others, TARGETS)
    assert (verdict.readiness, verdict.exit) in UNREADY
    assert verdict.exit == expected


@pytest.mark.parametrize("status", list(Status))
def test_what_is_not_needed_does_not_count(status: Status) -> None:
    found = [finding(status, needed=False)]
    assert judge(found, [program(Readiness.READY)], TARGETS).exit == 0


@pytest.mark.parametrize(("readiness", "expected"), UNREADY)
@pytest.mark.parametrize("last", list(Stage))
@pytest.mark.parametrize("at", list(Stage))
def test_one_stage_decides_unless_it_lies_beyond_the_selected_one(
    at: Stage, last: Stage, readiness: Readiness, expected: int
) -> None:
    verdict = judge([], [program(readiness, at)], (Target("demo", last),))
    assert verdict.exit == (expected if at.order <= last.order else 0)


def test_a_program_that_is_not_selected_does_not_count() -> None:
    rows = [program(Readiness.READY), program(Readiness.NOT_READY, *Stage, name="other")]
    assert judge([], rows, TARGETS).exit == 0
    assert judge([], rows, (*TARGETS, Target("other"))).exit == 1


@pytest.mark.parametrize("reverse", [False, True])
def test_what_failed_comes_before_what_could_not_be_seen(reverse: bool) -> None:
    found = [finding(Status.ERROR, "a.unseen"), finding(Status.FAIL, "a.failed")]
    verdict = judge(found[::-1] if reverse else found, [], ())
    assert verdict.exit == 1
    assert "a.failed" in verdict.summary
    assert "a.unseen" not in verdict.summary


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.ERROR])
def test_a_stage_that_is_not_ready_comes_before_what_could_not_be_seen(status: Status) -> None:
    verdict = judge([finding(status)], [program(Readiness.NOT_READY, Stage.LOAD)], TARGETS)
    assert verdict.exit == 1
    assert "demo.cause" in verdict.summary
    assert "a.b" not in verdict.summary


def test_a_failure_comes_before_a_stage_that_is_unknown() -> None:
    verdict = judge([finding(Status.FAIL)], [program(Readiness.UNKNOWN, Stage.LOAD)], TARGETS)
    assert (verdict.exit, verdict.readiness) == (1, Readiness.NOT_READY)


@pytest.mark.parametrize("status", [Status.FAIL, Status.UNKNOWN, Status.ERROR])
def test_every_needed_cause_is_named_and_no_other(status: Status) -> None:
    found = [
        finding(status, "a.one"),
        finding(status, "a.two"),
        finding(status, "a.spare", needed=False),
        finding(Status.PASS, "a.fine"),
    ]
    summary = judge(found, [], ()).summary
    assert [key for key in ("one", "two", "spare", "fine") if f"a.{key}" in summary] == [
        "one",
        "two",
    ]


@pytest.mark.parametrize("readiness", [Readiness.NOT_READY, Readiness.UNKNOWN])
def test_where_no_finding_is_to_blame_the_stages_name_their_causes_once(
    readiness: Readiness,
) -> None:
    other = Readiness.UNKNOWN if readiness is Readiness.NOT_READY else Readiness.READY
    rows = [
        program(readiness, Stage.LOAD, Stage.FIRES, name="one"),
        program(readiness, Stage.LOAD, name="two"),
        program(other, Stage.LOAD, name="other"),
    ]
    summary = judge([], rows, tuple(Target(row.name) for row in rows)).summary
    assert "one.cause, two.cause." in summary
    assert "other.cause" not in summary


BEFORE_FIRES = (Stage.BUILD, Stage.LOAD, Stage.ATTACH)


@pytest.mark.parametrize(
    ("rows", "targets", "said"),
    [
        ([proven("demo", *Stage)], TARGETS, "demo; proven by running."),
        ([proven("demo", *BEFORE_FIRES)], TARGETS, "demo; predicted, not proven by running."),
        (
            [proven("demo", *BEFORE_FIRES)],
            (Target("demo", Stage.ATTACH),),
            "demo (to attach); proven by running.",
        ),
        (
            [proven("demo"), proven("other", *Stage, selected=False)],
            TARGETS,
            "demo; predicted; proven by running: other.",
        ),
        (
            [proven("demo"), proven("other", *BEFORE_FIRES, selected=False)],
            TARGETS,
            "demo; predicted, not proven by running.",
        ),
        (
            [proven("demo", *BEFORE_FIRES), proven("both", *Stage)],
            (*TARGETS, Target("both")),
            "demo, both; predicted, not proven by running.",
        ),
    ],
)
def test_only_what_was_seen_at_every_selected_stage_is_called_proven(
    rows: list[ProgramResult], targets: tuple[Target, ...], said: str
) -> None:
    assert judge([], rows, targets).summary == f"Ready: {said}"


def test_without_a_program_no_proof_is_spoken_of() -> None:
    assert "proven" not in judge([finding(Status.PASS)], [], ()).summary
