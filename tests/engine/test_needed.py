"""Which findings count for the exit status."""

from __future__ import annotations

import msgspec
import pytest
from sample_project import KIND, NEEDS, PROGRAM, PROJECT, examined, finding

from bpfdoctor.api import Check, Finding, Selection, Stage, Status, Target
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.needed import chosen_keys, needed_keys
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import Stages
from bpfdoctor.model import Proof, Readiness, StageResult

DEMO = Selection((Target("demo"),))
PREDICTED = StageResult(Readiness.READY, Proof.PREDICTED)
SEEN = StageResult(Readiness.READY, Proof.OBSERVED)


def row(**others: StageResult) -> Stages:
    """Every stage predicted, but `others`."""
    return {stage: others.get(stage.value, PREDICTED) for stage in Stage}


def needed(findings: Findings, selection: Selection = DEMO, **rows: Stages) -> frozenset[str]:
    return needed_keys(PROJECT, selection, findings, rows or {"demo": row()})


@pytest.mark.parametrize("last", list(Stage))
def test_needs_of_a_stage_beyond_the_selected_one_do_not_count(last: Stage) -> None:
    keys = {key for stage, key in NEEDS.items() if stage.order <= last.order}
    assert needed(examined(), Selection((Target("demo", last),))) == keys


def test_without_a_selected_program_no_need_counts() -> None:
    assert needed(examined(), Selection()) == frozenset()


def test_a_need_counts_where_nothing_is_known_of_the_programs_stages() -> None:
    assert needed(examined(), other=row()) == set(NEEDS.values())


def test_what_was_not_found_cannot_count() -> None:
    found = examined()
    del found.by_key["kernel.load"]
    assert needed(found) == set(NEEDS.values()) - {"kernel.load"}


@pytest.mark.parametrize("status", [Status.FAIL, Status.UNKNOWN, Status.ERROR])
@pytest.mark.parametrize(
    ("observed", "refuted"),
    [
        (Stage.BUILD, {Stage.BUILD}),
        (Stage.LOAD, {Stage.LOAD}),
        (Stage.ATTACH, {Stage.LOAD, Stage.ATTACH}),
        (Stage.FIRES, {Stage.LOAD, Stage.ATTACH, Stage.FIRES}),
    ],
)
def test_a_need_that_was_not_met_counts_unless_its_stage_was_seen_to_work(
    observed: Stage, refuted: set[Stage], status: Status
) -> None:
    findings = examined(*(finding(key, status) for key in NEEDS.values()))
    keys = {key for stage, key in NEEDS.items() if stage not in refuted}
    assert needed(findings, demo=row(**{observed.value: SEEN})) == keys


@pytest.mark.parametrize("status", [Status.PASS, Status.WARN])
def test_a_need_that_was_met_counts_also_where_its_stage_was_seen_to_work(status: Status) -> None:
    found = examined(finding("kernel.load", status))
    assert "kernel.load" in needed(found, demo=row(fires=SEEN))


@pytest.mark.parametrize(
    "result",
    [
        PREDICTED,
        StageResult(Readiness.UNKNOWN, Proof.OBSERVED),
        StageResult(Readiness.NOT_READY, Proof.OBSERVED),
    ],
)
def test_only_a_stage_seen_to_work_excuses_its_needs(result: StageResult) -> None:
    found = examined(finding("kernel.load", Status.FAIL))
    assert "kernel.load" in needed(found, demo=row(load=result))


def test_a_need_that_one_program_refutes_still_counts_for_another() -> None:
    kind = msgspec.structs.replace(KIND, programs=dict.fromkeys(("demo", "twin"), PROGRAM))
    project = msgspec.structs.replace(PROJECT, kind=kind)
    found = examined(finding("kernel.load", Status.FAIL))
    rows = {"demo": row(fires=SEEN), "twin": row()}
    for selected, counts in ((("demo",), False), (("demo", "twin"), True)):
        selection = Selection(tuple(Target(name) for name in selected))
        assert ("kernel.load" in needed_keys(project, selection, found, rows)) is counts


def test_the_root_behind_a_skip_counts_and_what_was_not_found_does_not() -> None:
    skip = finding("kernel.load", Status.SKIP, "other.root", "other.absent")
    found = examined(skip, finding("other.root", Status.FAIL), finding("other.spare", Status.FAIL))
    assert needed(found) == {*NEEDS.values(), "other.root"}


def test_the_smoke_of_every_program_counts() -> None:
    both = ("smoke.program[one]", "smoke.program[two]")
    found = examined(*(finding(key, Status.FAIL) for key in both))
    assert needed(found) == {*NEEDS.values(), *both}


@pytest.mark.parametrize(
    ("programs", "rows", "counts"),
    [
        (("demo",), {"demo": row(fires=SEEN)}, False),
        (("demo",), {"demo": row(build=SEEN, load=SEEN, attach=SEEN)}, True),
        (("demo",), {}, True),
        (("demo", "other"), {"demo": row(fires=SEEN), "other": row()}, True),
        (("demo", "other"), {"demo": row(fires=SEEN), "other": row(fires=SEEN)}, False),
        ((), {"demo": row(fires=SEEN)}, True),
    ],
)
def test_the_proof_of_the_kernel_counts_until_every_selected_program_has_fired(
    programs: tuple[str, ...], rows: dict[str, Stages], counts: bool
) -> None:
    found = examined(finding("smoke.kernel", Status.FAIL))
    selection = Selection(tuple(Target(name) for name in programs))
    assert ("smoke.kernel" in needed_keys(PROJECT, selection, found, rows)) is counts


def check(check_id: str, *, gates: bool = False) -> Check:
    return Check(check_id, check_id, lambda context: None, gates=gates)


CHECKS = [check("a.one"), check("a.two"), check("b.one"), check("b.gate", gates=True)]


@pytest.mark.parametrize(
    ("only", "skip", "expected"),
    [
        ((), (), {"b.one", "b.gate"}),
        (("a.one",), (), {"a.one[x]", "b.gate"}),
        (("a",), (), {"a.one[x]", "a.two", "b.gate"}),
        ((), ("b.one",), {"b.gate"}),
        ((), ("b",), set()),
        (("a",), ("a.two", "b.gate"), {"a.one[x]"}),
    ],
)
def test_with_only_and_skip_what_is_chosen_and_what_gates_counts(
    only: tuple[str, ...], skip: tuple[str, ...], expected: set[str]
) -> None:
    findings = Findings()
    for key in ("a.one[x]", "a.two", "b.one", "b.gate"):
        findings.add(finding(key, Status.PASS))
    options = Options(only=only, skip=skip)
    assert chosen_keys(CHECKS, options, findings, frozenset({"b.one"})) == expected


@pytest.mark.parametrize("options", [Options(), Options(only=("a.one",)), Options(skip=("a", "b"))])
def test_a_file_of_checks_that_cannot_be_loaded_counts_whatever_is_chosen(
    options: Options,
) -> None:
    findings = Findings()
    findings.add(finding("engine.load[kernel]", Status.ERROR))
    assert chosen_keys(CHECKS, options, findings, frozenset()) == {"engine.load[kernel]"}


def skipped() -> tuple[Finding, Finding]:
    return finding("a.one", Status.SKIP, "b.one"), finding("b.one", Status.FAIL)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(only=("a.one",)), {"a.one", "b.one"}),
        (Options(only=("a.one",), skip=("b.one",)), {"a.one"}),
    ],
)
def test_the_root_behind_what_is_chosen_counts_unless_it_was_skipped(
    options: Options, expected: set[str]
) -> None:
    findings = Findings()
    for each in skipped():
        findings.add(each)
    assert chosen_keys(CHECKS, options, findings, frozenset()) == expected
