"""Needs and findings give readiness; what was observed stands over it."""

from __future__ import annotations

from bpfdoctor.api import Finding, Project, Stage, Status
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.readiness import observe, predict
from bpfdoctor.model import Proof, Readiness
from bpfdoctor.projects.model import Program, ProjectKind
from bpfdoctor.smoke.model import Observed, Outcome

PROGRAM = Program(
    "does something",
    needs={
        Stage.BUILD: ("tool.compiler",),
        Stage.LOAD: ("kernel.load",),
        Stage.ATTACH: ("mounts.trace[one]",),
        Stage.FIRES: ("names.initial",),
    },
)
PROJECT = Project(
    ProjectKind("sample", "a sample", "flat", ("demo",), {"demo": PROGRAM}), "/tree", ("demo",)
)


def findings(**status: Status) -> Findings:
    """All needs pass, except those named (dots as underscores)."""
    made = Findings(ran={"tool.compiler", "kernel.load", "mounts.trace", "names.initial"})
    for name in sorted(made.ran):
        about = "one" if name == "mounts.trace" else ""
        made.add(Finding(status.get(name.replace(".", "_"), Status.PASS), "", id=name, about=about))
    return made


def readiness(found: Findings) -> list[str]:
    return [each.readiness.value for each in predict(PROJECT, "demo", found).values()]


def test_everything_passing_is_ready_at_every_stage() -> None:
    assert readiness(findings()) == ["ready"] * 4


def test_a_failed_build_need_leaves_what_was_built_elsewhere_ready() -> None:
    assert readiness(findings(tool_compiler=Status.FAIL)) == ["not-ready", *["ready"] * 3]


def test_a_failed_load_need_stops_all_stages_behind_it() -> None:
    found = predict(PROJECT, "demo", findings(kernel_load=Status.FAIL))
    assert [each.readiness.value for each in found.values()] == ["ready", *["not-ready"] * 3]
    assert found[Stage.FIRES].because == ("kernel.load",)


def test_an_unknown_need_makes_the_stage_unknown_and_never_ready() -> None:
    found = predict(PROJECT, "demo", findings(mounts_trace=Status.UNKNOWN))
    assert found[Stage.ATTACH].readiness is Readiness.UNKNOWN
    assert found[Stage.ATTACH].because == ("mounts.trace[one]",)
    assert found[Stage.LOAD].readiness is Readiness.READY


def test_a_warning_does_not_stand_in_the_way() -> None:
    assert readiness(findings(kernel_load=Status.WARN)) == ["ready"] * 4


def test_a_need_that_nobody_examined_is_unknown() -> None:
    found = findings()
    found.ran.discard("tool.compiler")
    del found.by_key["tool.compiler"]
    assert readiness(found)[0] == "unknown"


def test_a_check_with_nothing_to_judge_here_meets_its_need() -> None:
    found = findings()
    del found.by_key["tool.compiler"]
    assert readiness(found) == ["ready"] * 4


def test_a_crash_of_the_whole_check_counts_for_each_of_its_subjects() -> None:
    found = findings()
    found.add(Finding(Status.ERROR, "broke", id="mounts.trace"))
    assert readiness(found)[2] == "unknown"


def test_a_skip_blames_the_root_and_not_itself() -> None:
    found = findings(tool_compiler=Status.FAIL)
    found.add(Finding(Status.SKIP, "", id="kernel.load", blocked_by=("tool.compiler",)))
    assert predict(PROJECT, "demo", found)[Stage.LOAD].because == ("tool.compiler",)


def test_what_was_observed_stands_over_the_prediction() -> None:
    predicted = predict(PROJECT, "demo", findings(kernel_load=Status.FAIL))
    seen = Observed("demo", tuple(Outcome(stage, True, "ran") for stage in Stage))
    results = observe(predicted, seen, ("smoke.program[demo]",)).values()
    assert {(each.readiness, each.proof) for each in results} == {(Readiness.READY, Proof.OBSERVED)}


def test_an_unforeseen_failure_blames_the_smoke_and_stops_what_comes_after() -> None:
    predicted = predict(PROJECT, "demo", findings())
    seen = Observed("demo", (Outcome(Stage.BUILD, True, ""), Outcome(Stage.LOAD, False, "EINVAL")))
    found = observe(predicted, seen, ("smoke.program[demo]",))
    assert found[Stage.LOAD].proof is Proof.OBSERVED
    assert found[Stage.FIRES].readiness is Readiness.NOT_READY
    assert found[Stage.FIRES].because == ("smoke.program[demo]",)


def test_an_unseen_stage_keeps_its_prediction() -> None:
    predicted = predict(PROJECT, "demo", findings())
    seen = Observed("demo", (Outcome(Stage.LOAD, None, "no privilege"),))
    assert observe(predicted, seen, ("key",)) == predicted


def test_a_program_that_only_a_run_can_judge_is_unknown_whatever_others_did() -> None:
    program = Program("a stranger", needs={Stage.LOAD: ("smoke.program[{program}]",)})
    kind = ProjectKind("sample", "a sample", "flat", ("demo",), {"demo": PROGRAM}, unlisted=program)
    project = Project(kind, "/tree", ("demo", "stranger"))
    found = findings()
    found.add(Finding(Status.PASS, "fires", id="smoke.program", about="demo"))
    results = predict(project, "stranger", found)
    assert results[Stage.LOAD].readiness is Readiness.UNKNOWN
    assert results[Stage.FIRES].because == ("smoke.program[stranger]",)
