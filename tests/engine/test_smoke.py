"""What a smoke saw, held against what was predicted."""

from __future__ import annotations

from typing import Any, TypeVar

import pytest

import bpfdoctor.engine.smoke as phase
from bpfdoctor.api import Context, Evidence, Finding, NoAnswer, Project, Stage, Status, Target
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.schedule import Nobody
from bpfdoctor.engine.smoke import Smoke, smoke_key, smoke_targets
from bpfdoctor.host.bpf.fire import Fire
from bpfdoctor.host.question import A, Answer, Question
from bpfdoctor.smoke.build import BuildProgram, Built
from bpfdoctor.smoke.elf import RawProgram
from bpfdoctor.smoke.embedded.build import BuildEmbedded, EmbeddedBuilt
from bpfdoctor.smoke.model import Observed, Outcome
from bpfdoctor.smoke.run import RunProgram
from bpfdoctor.testing import FakeHost, project_named

Q = TypeVar("Q", bound=Question[Any])

PROJECT = project_named("libbpf-bootstrap", "/tree")
KEY = "smoke.program[minimal]"
SEEN = (Evidence("$ ./minimal", "what it printed"),)
EMBEDDED = project_named("embedded")
ATTACHED = Target("embedded", Stage.ATTACH)


REFUSED = Finding(Status.FAIL, "refused", id="kernel.program-types", about="tracepoint")


def judged(*found: Finding, examined: bool = True, last: Stage = Stage.FIRES) -> Findings:
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
    smoke.prove(PROJECT, Target("minimal", last), named=True)
    return findings


def outcomes(last: Stage, happened: bool | None) -> list[Outcome]:
    made = [Outcome(stage, True, "worked") for stage in Stage if stage.order < last.order]
    return [*made, Outcome(last, happened, "as it went", SEEN)]


def test_a_program_that_fires_passes(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.FIRES, True)
    assert judged().by_key[KEY].status is Status.PASS


@pytest.mark.parametrize("stage", list(Stage))
def test_a_failure_that_nobody_foresaw_names_its_stage(seen: list[Outcome], stage: Stage) -> None:
    seen += outcomes(stage, False)
    found = judged()
    assert found.by_key[KEY].status is Status.FAIL
    assert found.by_key[KEY].summary.startswith(f"{stage.value} failed")
    prediction = found.by_key["smoke.prediction[minimal]"]
    assert prediction.status is Status.WARN
    assert prediction.summary.startswith(f"{stage.value} was predicted ready")


def test_a_failure_that_was_foreseen_is_a_skip_that_names_the_one_cause(
    seen: list[Outcome],
) -> None:
    seen += outcomes(Stage.ATTACH, False)
    found = judged(Finding(Status.FAIL, "not mounted", id="runtime.tracefs"))
    assert found.by_key[KEY].status is Status.SKIP
    assert found.by_key[KEY].blocked_by == ("runtime.tracefs",)
    assert found.by_key[KEY].evidence == SEEN
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
    found = judged(REFUSED)
    assert found.by_key[KEY].status is Status.PASS
    prediction = found.by_key["smoke.prediction[minimal]"]
    assert prediction.status is Status.WARN
    assert prediction.summary.startswith("load was predicted not-ready")


def test_success_is_not_held_against_a_prediction_of_a_stage_beyond_it(
    seen: list[Outcome],
) -> None:
    seen += outcomes(Stage.BUILD, True)
    found = judged(REFUSED, last=Stage.BUILD)
    assert found.by_key[KEY].status is Status.PASS
    assert "smoke.prediction[minimal]" not in found.by_key


def test_a_build_that_cannot_succeed_is_not_tried_and_names_what_is_in_the_way(
    seen: list[Outcome],
) -> None:
    seen += outcomes(Stage.FIRES, True)
    found = judged(Finding(Status.FAIL, "absent", id="toolchain.clang"))
    assert found.by_key[KEY].status is Status.SKIP
    assert found.by_key[KEY].blocked_by == ("toolchain.clang",)
    assert found.by_key[KEY].evidence == ()


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


@pytest.mark.parametrize(
    ("targets", "blamed"),
    [
        (("libbpf.a", "libbpf.a", "uprobe.o"), ["", "minimal", ""]),
        (("", "", ""), ["", "", ""]),
        (("libbpf.a", "", "libbpf.a"), ["", "", "minimal"]),
        (("uprobe.o", "libbpf.a", "libbpf.a"), ["", "", "bootstrap"]),
    ],
)
def test_builds_that_break_at_the_same_target_have_one_cause(
    monkeypatch: pytest.MonkeyPatch, targets: tuple[str, ...], blamed: list[str]
) -> None:
    broke = dict(zip(("minimal", "bootstrap", "uprobe"), targets, strict=True))

    def run(context: Context, target: Target) -> Observed:
        log, at = (Evidence("$ make", "it broke"),), frozenset({broke[target.program]} - {""})
        failed = Outcome(Stage.BUILD, False, "make: exit status 2", log, at)
        return Observed(target.program, (failed,))

    monkeypatch.setattr(phase, "_run", run)
    findings = Findings()
    smoke = Smoke(Context(FakeHost(), PROJECT), findings, Nobody())
    for name in broke:
        smoke.prove(PROJECT, Target(name), named=True)
    found = [findings.by_key[smoke_key(name)] for name in broke]
    assert [each.blocked_by for each in found] == [(smoke_key(at),) if at else () for at in blamed]
    assert [each.status for each in found] == [Status.SKIP if at else Status.FAIL for at in blamed]


def test_what_the_kernel_lacks_is_the_root_of_its_proof_and_nothing_is_asked_of_it() -> None:
    findings = Findings()
    findings.add(Finding(Status.FAIL, "refused", id="kernel.bpf-syscall"))
    Smoke(Context(FakeHost(), PROJECT), findings, Nobody()).prove_kernel()
    assert findings.by_key["smoke.kernel"].status is Status.SKIP
    assert findings.by_key["smoke.kernel"].blocked_by == ("kernel.bpf-syscall",)


LOAD, FIRES = Target("minimal", Stage.LOAD), Target("bootstrap", Stage.FIRES)


@pytest.mark.parametrize(
    ("project", "targets", "expected"),
    [
        (PROJECT, (LOAD, FIRES), [(PROJECT, LOAD), (PROJECT, FIRES)]),
        (EMBEDDED, (Target("embedded"),), [(EMBEDDED, Target("embedded"))]),
        (project_named(), (LOAD,), [(EMBEDDED, Target("embedded", Stage.LOAD))]),
        (project_named(), (LOAD, FIRES), [(EMBEDDED, Target("embedded"))]),
        (project_named(), (FIRES, LOAD), [(EMBEDDED, Target("embedded"))]),
        (project_named(), (Target("lsm", Stage.ATTACH), LOAD), [(EMBEDDED, ATTACHED)]),
        (project_named(), (), [(EMBEDDED, Target("embedded"))]),
    ],
)
def test_without_a_checkout_the_embedded_program_is_run_as_far_as_any_was_selected(
    project: Project, targets: tuple[Target, ...], expected: list[tuple[Project, Target]]
) -> None:
    assert list(smoke_targets(project, targets)) == expected


class Building(FakeHost):
    """A machine on which everything can be built, and which says nothing else."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        self.asked.append(question)
        code = RawProgram("tp/x", "95" + "00" * 7, ())
        built: dict[type, Answer] = {
            BuildProgram: Built(0, "", binary="/built/minimal", sha256="0"),
            BuildEmbedded: EmbeddedBuilt(0, "", code),
        }
        refused = NoAnswer("refused", "nothing is answered here")
        return built.get(type(question), refused)  # type: ignore[return-value]


def asked_of(project: Project, target: Target, kind: type[Q]) -> list[Q]:
    """The questions of one kind that the proof of a program asks."""
    host = Building()
    Smoke(Context(host, PROJECT), Findings(), Nobody()).prove(project, target, named=True)
    return [each for each in host.asked if isinstance(each, kind)]


@pytest.mark.parametrize("last", list(Stage))
def test_a_program_of_a_checkout_is_built_there_and_run_unless_only_the_build_matters(
    last: Stage,
) -> None:
    other = project_named(path="/other")
    (built,) = asked_of(other, Target("minimal", last), BuildProgram)
    assert (built.checkout, built.program) == ("/other", "minimal")
    ran = asked_of(other, Target("minimal", last), RunProgram)
    assert [each.program for each in ran] == ([] if last is Stage.BUILD else ["minimal"])


@pytest.mark.parametrize("last", list(Stage))
def test_the_embedded_program_is_taken_as_far_as_it_was_selected(last: Stage) -> None:
    target = Target("embedded", last)
    assert len(asked_of(EMBEDDED, target, BuildEmbedded)) == 1
    fired = asked_of(EMBEDDED, target, Fire)
    assert [each.upto for each in fired] == ([] if last is Stage.BUILD else [last.value])


def test_a_kernel_that_does_not_answer_leaves_its_proof_unknown() -> None:
    findings = Findings()
    Smoke(Context(Building(), PROJECT), findings, Nobody()).prove_kernel()
    assert findings.by_key["smoke.kernel"].status is Status.UNKNOWN
