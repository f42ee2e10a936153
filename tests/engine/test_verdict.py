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


def finding(status: Status, *, needed: bool = True) -> Reported:
    return Reported("a.b", "", "a.b", "title", status, needed, "summary", (), (), ())


def program(readiness: Readiness, proof: Proof = Proof.PREDICTED) -> ProgramResult:
    result = StageResult(readiness, proof, () if readiness is Readiness.READY else ("a.b",))
    return ProgramResult("demo", True, dict.fromkeys(Stage, result))


@pytest.mark.parametrize(
    ("status", "readiness", "expected"),
    [
        (Status.PASS, Readiness.READY, 0),
        (Status.WARN, Readiness.READY, 0),
        (Status.FAIL, Readiness.NOT_READY, 1),
        (Status.FAIL, Readiness.UNKNOWN, 1),
        (Status.UNKNOWN, Readiness.UNKNOWN, 3),
        (Status.ERROR, Readiness.UNKNOWN, 3),
        (Status.UNKNOWN, Readiness.NOT_READY, 1),
        (Status.SKIP, Readiness.READY, 0),
    ],
)
def test_not_ready_comes_before_undetermined(
    status: Status, readiness: Readiness, expected: int
) -> None:
    assert judge([finding(status)], [program(readiness)], TARGETS).exit == expected


def test_what_is_not_needed_does_not_count() -> None:
    found = [finding(Status.FAIL, needed=False), finding(Status.UNKNOWN, needed=False)]
    assert judge(found, [program(Readiness.READY)], TARGETS).exit == 0


def test_a_stage_beyond_the_selected_one_does_not_count() -> None:
    row = program(Readiness.NOT_READY)
    build = {**row.stages, Stage.BUILD: StageResult(Readiness.READY, Proof.OBSERVED)}
    result = judge([], [ProgramResult("demo", True, build)], (Target("demo", Stage.BUILD),))
    assert result.exit == 0


def test_the_verdict_says_whether_it_was_proven() -> None:
    proven = judge([], [program(Readiness.READY, Proof.OBSERVED)], TARGETS).summary
    predicted = judge([], [program(Readiness.READY)], TARGETS).summary
    assert "proven by running" in proven
    assert "predicted, not proven by running" in predicted
