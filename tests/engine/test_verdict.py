"""One function decides the exit status."""

from __future__ import annotations

import msgspec
import pytest

from bpfdoctor.engine.verdict import AskedStages, judge, judge_chosen
from bpfdoctor.model import (
    Instead,
    InsteadResult,
    ProgramResult,
    Proof,
    Readiness,
    Reported,
    Stage,
    StageResult,
    Status,
    Subject,
)


def asked(name: str, last: Stage = Stage.FIRES) -> AskedStages:
    """All stages of a program up to one."""
    return AskedStages(name, tuple(stage for stage in Stage if stage.order <= last.order))


DEMO = (asked("demo"),)
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
def test_a_needed_finding_decides_where_nothing_else_is_wrong(
    status: Status, expected: int
) -> None:
    verdict = judge([finding(status)], [program(Readiness.READY)], DEMO)
    assert (verdict.readiness, verdict.exit) in UNREADY
    assert verdict.exit == expected


@pytest.mark.parametrize("status", list(Status))
def test_what_is_not_needed_does_not_count(status: Status) -> None:
    found = [finding(status, needed=False)]
    assert judge(found, [program(Readiness.READY)], DEMO).exit == 0


@pytest.mark.parametrize(("readiness", "expected"), UNREADY)
@pytest.mark.parametrize("last", list(Stage))
@pytest.mark.parametrize("at", list(Stage))
def test_one_stage_decides_unless_it_lies_beyond_the_selected_one(
    at: Stage, last: Stage, readiness: Readiness, expected: int
) -> None:
    verdict = judge([], [program(readiness, at)], (asked("demo", last),))
    assert verdict.exit == (expected if at.order <= last.order else 0)


def test_a_program_that_is_not_selected_does_not_count() -> None:
    rows = [program(Readiness.READY), program(Readiness.NOT_READY, *Stage, name="other")]
    assert judge([], rows, DEMO).exit == 0
    assert judge([], rows, (*DEMO, asked("other"))).exit == 1


@pytest.mark.parametrize("reverse", [False, True])
def test_what_failed_comes_before_what_could_not_be_seen(reverse: bool) -> None:
    found = [finding(Status.ERROR, "a.unseen"), finding(Status.FAIL, "a.failed")]
    verdict = judge(found[::-1] if reverse else found, [], ())
    assert verdict.exit == 1
    assert "a.failed" in verdict.summary
    assert "a.unseen" not in verdict.summary


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.ERROR])
def test_a_stage_that_is_not_ready_comes_before_what_could_not_be_seen(status: Status) -> None:
    verdict = judge([finding(status)], [program(Readiness.NOT_READY, Stage.LOAD)], DEMO)
    assert verdict.exit == 1
    assert "demo.cause" in verdict.summary
    assert "a.b" not in verdict.summary


def test_a_failure_comes_before_a_stage_that_is_unknown() -> None:
    verdict = judge([finding(Status.FAIL)], [program(Readiness.UNKNOWN, Stage.LOAD)], DEMO)
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
    summary = judge([], rows, tuple(asked(row.name) for row in rows)).summary
    assert "one.cause, two.cause." in summary
    assert "other.cause" not in summary


BEFORE_FIRES = (Stage.BUILD, Stage.LOAD, Stage.ATTACH)


@pytest.mark.parametrize(
    ("rows", "targets", "said"),
    [
        ([proven("demo", *Stage)], DEMO, "demo; proven by running."),
        ([proven("demo", *BEFORE_FIRES)], DEMO, "demo; predicted, not proven by running."),
        (
            [proven("demo", *BEFORE_FIRES)],
            (asked("demo", Stage.ATTACH),),
            "demo (to attach); proven by running.",
        ),
        (
            [proven("demo"), proven("other", *Stage, selected=False)],
            DEMO,
            "demo; predicted, not proven by running.",
        ),
        (
            [proven("demo"), proven("other", *BEFORE_FIRES, selected=False)],
            DEMO,
            "demo; predicted, not proven by running.",
        ),
        (
            [proven("demo", *BEFORE_FIRES), proven("both", *Stage)],
            (*DEMO, asked("both")),
            "demo, both; predicted, not proven by running.",
        ),
    ],
)
def test_only_what_was_seen_at_every_selected_stage_is_called_proven(
    rows: list[ProgramResult], targets: tuple[AskedStages, ...], said: str
) -> None:
    assert judge([], rows, targets).summary == f"Ready: {said}"


@pytest.mark.parametrize(
    "rows", [[], [program(Readiness.READY)], [ProgramResult("demo", True, {})]]
)
@pytest.mark.parametrize("wanted", [(), (asked("absent"),), (asked("demo"), asked("absent"))])
def test_what_nobody_examined_is_undetermined(
    rows: list[ProgramResult], wanted: tuple[AskedStages, ...]
) -> None:
    verdict = judge([finding(Status.PASS)], rows, wanted)
    assert (verdict.exit, verdict.readiness) == (3, Readiness.UNKNOWN)
    first = [
        each.program
        for each in wanted
        if each.program == "absent" or rows == [] or not rows[0].stages
    ]
    assert (f"{first[0]} to build" if first else "nothing was examined") in verdict.summary


def test_one_stage_that_nobody_examined_is_enough_to_be_undetermined() -> None:
    stages = program(Readiness.READY).stages
    for lost in Stage:
        row = ProgramResult("demo", True, {s: r for s, r in stages.items() if s is not lost})
        assert judge([], [row], DEMO).exit == 3


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["pass"], 0),
        (["pass", "warn"], 0),
        (["fail"], 1),
        (["pass", "fail", "unknown", "skip"], 1),
        (["pass", "unknown"], 3),
        (["pass", "error"], 3),
        (["pass", "skip"], 3),
        ([], 3),
    ],
)
def test_a_verdict_on_chosen_checks_is_theirs_alone_and_never_says_ready(
    statuses: list[str], expected: int
) -> None:
    found = [finding(Status(each), f"a.{each}") for each in statuses]
    spare = finding(Status.FAIL, "a.spare", needed=False)
    verdict = judge_chosen([*found, spare], Subject.MACHINE)
    assert (verdict.exit, verdict.readiness, verdict.subject) == (expected, None, Subject.MACHINE)
    assert "ready" not in verdict.summary.lower()
    assert verdict.summary.endswith("; no program was judged.")


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["a.one"], "The chosen check passes;"),
        (["a.one", "a.two"], "The 2 chosen checks pass;"),
        (["a.one", "a.one", "a.two", "b.three"], "The 3 chosen checks pass;"),
    ],
)
def test_chosen_checks_are_counted_once_each(ids: list[str], said: str) -> None:
    verdict = judge_chosen([finding(Status.PASS, each) for each in ids])
    assert verdict.summary.startswith(said)


def test_a_verdict_on_the_machine_names_no_program_of_a_project() -> None:
    row = proven("embedded", *Stage)
    verdict = judge([], [row], (asked("embedded"),), Subject.MACHINE)
    assert "this machine" in verdict.summary
    assert "nothing in this directory was checked" in verdict.summary
    assert "embedded" not in verdict.summary
    to_build = judge([], [row], (asked("embedded", Stage.BUILD),), Subject.MACHINE)
    assert "embedded (to build)" in to_build.summary


WAY = Instead(arguments=("CLANG=clang-15",))
SEEN = StageResult(Readiness.READY, Proof.OBSERVED)
BROKE = StageResult(Readiness.NOT_READY, Proof.OBSERVED)


@pytest.mark.parametrize(
    ("way", "stages", "said"),
    [
        (WAY, dict.fromkeys(Stage, SEEN), "with `make CLANG=clang-15` proven by running"),
        (WAY, {Stage.BUILD: SEEN}, "with `make CLANG=clang-15` seen to build"),
        (
            Instead(elsewhere=True),
            dict.fromkeys(Stage, SEEN),
            "in a directory of its own proven by running",
        ),
        (WAY, {Stage.BUILD: SEEN, Stage.LOAD: BROKE}, ""),
        (WAY, {}, ""),
    ],
)
def test_what_another_command_gives_is_said_and_makes_nothing_ready(
    way: Instead, stages: dict[Stage, StageResult], said: str
) -> None:
    row = program(Readiness.NOT_READY, Stage.BUILD)
    row = msgspec.structs.replace(row, instead=InsteadResult(way, way.command("demo"), stages))
    verdict = judge([finding(Status.FAIL)], [row], DEMO)
    assert verdict.exit == 1
    assert verdict.summary.startswith("Not ready as it stands: " if said else "Not ready: ")
    assert said in verdict.summary


def test_programs_that_another_command_brings_to_different_stages_are_named() -> None:
    def by_it(name: str, *stages: Stage) -> ProgramResult:
        seen = InsteadResult(WAY, WAY.command(name), dict.fromkeys(stages, SEEN))
        row = program(Readiness.NOT_READY, Stage.BUILD, name=name)
        return msgspec.structs.replace(row, instead=seen)

    rows = [by_it("one", *Stage), by_it("two", Stage.BUILD), by_it("three")]
    summary = judge([finding(Status.FAIL)], rows, [asked(row.name) for row in rows]).summary
    assert "with `make CLANG=clang-15` proven by running: one;" in summary
    assert summary.endswith("with `make CLANG=clang-15` seen to build: two.")
    alike = [by_it("one", *Stage), by_it("two", *Stage)]
    summary = judge([finding(Status.FAIL)], alike, [asked(row.name) for row in alike]).summary
    assert summary.endswith("with `make CLANG=clang-15` proven by running.")


def test_a_program_without_a_stage_to_judge_is_not_ready_by_the_others() -> None:
    verdict = judge([], [program(Readiness.READY)], (*DEMO, AskedStages("built", ())))
    assert verdict.exit == 3
    assert "built: not examined" in verdict.summary
