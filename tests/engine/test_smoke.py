"""What a smoke saw, held against what was predicted."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
import pytest

import bpfdoctor.engine.smoke as phase
from bpfdoctor.api import (
    ByHand,
    Context,
    Evidence,
    Finding,
    Instead,
    NoAnswer,
    Project,
    Selection,
    Stage,
    Status,
    Target,
)
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.schedule import Nobody
from bpfdoctor.engine.smoke import Smoke, smoke_key
from bpfdoctor.host.bpf.fire import Fire
from bpfdoctor.host.question import A, Answer, Question
from bpfdoctor.projects.judged import BpfPart
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


REFUSED = Finding(Status.FAIL, "refused", id="kernel.program-types", about="tracepoint")


def judged(
    *found: Finding,
    examined: bool = True,
    last: Stage = Stage.FIRES,
    project: Project = PROJECT,
) -> Findings:
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
    target = Target("minimal", last)
    context = Context(FakeHost(), project, Selection((target,)))
    Smoke(context, findings, Nobody()).prove(target, named=True)
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
    assert prediction.summary.startswith(f"{stage.value} was expected to work;")


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
    assert prediction.summary.startswith("load was expected to fail;")


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


@pytest.mark.parametrize(("harmful", "status"), [(True, Status.SKIP), (False, Status.PASS)])
def test_a_program_that_would_harm_the_machine_is_not_run(
    seen: list[Outcome], harmful: bool, status: Status
) -> None:
    seen += outcomes(Stage.FIRES, True)
    found = judged(Finding(Status.FAIL, "off", id="runtime.tracing-on", harmful=harmful))
    assert found.by_key[KEY].status is status
    assert found.by_key[KEY].blocked_by == (("runtime.tracing-on",) if harmful else ())


def test_what_could_not_be_seen_is_unknown(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.LOAD, None)
    assert judged().by_key[KEY].status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("happened", "status"), [(None, Status.UNKNOWN), (False, Status.SKIP)], ids=repr
)
def test_what_a_loader_may_leave_out_is_the_cause_of_a_failure_alone(
    seen: list[Outcome], happened: bool | None, status: Status
) -> None:
    seen += outcomes(Stage.ATTACH, happened)
    optional = BpfPart("other", maybe={Stage.ATTACH: ("kernel.kprobes",)})
    minimal = PROJECT.judged_of("minimal")
    assert minimal is not None
    of_both = msgspec.structs.replace(minimal, parts=(*minimal.parts, optional))
    project = msgspec.structs.replace(PROJECT, judged=(of_both,))
    found = judged(Finding(Status.FAIL, "has none", id="kernel.kprobes"), project=project)
    assert found.by_key[KEY].status is status
    assert found.by_key[KEY].blocked_by == (() if happened is None else ("kernel.kprobes",))


def test_a_program_that_disturbs_the_machine_is_run_only_when_named(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.FIRES, True)
    smoke = Smoke(Context(FakeHost(), PROJECT), Findings(), Nobody())
    smoke.prove(Target("lsm"), named=False)
    assert smoke.observed == {}
    smoke.prove(Target("lsm"), named=True)
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

    def run(context: Context, target: Target, instead: Instead | None) -> Observed:
        log, at = (Evidence("$ make", "it broke"),), frozenset({broke[target.program]} - {""})
        failed = Outcome(Stage.BUILD, False, "make: exit status 2", log, at)
        return Observed(target.program, (failed,))

    monkeypatch.setattr(phase, "_run", run)
    findings = Findings()
    smoke = Smoke(Context(FakeHost(), PROJECT), findings, Nobody())
    for name in broke:
        smoke.prove(Target(name), named=True)
    found = [findings.by_key[smoke_key(name)] for name in broke]
    assert [each.blocked_by for each in found] == [(smoke_key(at),) if at else () for at in blamed]
    assert [each.status for each in found] == [Status.SKIP if at else Status.FAIL for at in blamed]


def test_what_the_kernel_lacks_is_the_root_of_its_proof_and_nothing_is_asked_of_it() -> None:
    findings = Findings()
    findings.add(Finding(Status.FAIL, "refused", id="kernel.bpf-syscall"))
    Smoke(Context(FakeHost(), PROJECT), findings, Nobody()).prove_kernel()
    assert findings.by_key["smoke.kernel"].status is Status.SKIP
    assert findings.by_key["smoke.kernel"].blocked_by == ("kernel.bpf-syscall",)


@pytest.mark.parametrize("name", ["minimal", "bootstrap"])
def test_a_program_whose_sources_are_not_here_is_not_built_and_not_proven(name: str) -> None:
    findings = Findings()
    smoke = Smoke(Context(FakeHost(), project_named()), findings, Nobody())
    smoke.prove(Target(name), named=True)
    assert findings.by_key[smoke_key(name)].status is Status.UNKNOWN
    assert smoke.observed == {}


WAY = ByHand("build with another clang", instead=Instead(arguments=("CLANG=clang-15",)))
BROKEN = Finding(Status.FAIL, "clang is broken", id="toolchain.clang", fixes=(WAY,))


def test_a_build_goes_on_with_the_command_that_works_and_is_called_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways: list[Instead | None] = []

    def run(context: Context, target: Target, instead: Instead | None) -> Observed:
        ways.append(instead)
        return Observed(target.program, tuple(outcomes(Stage.FIRES, True)), instead)

    monkeypatch.setattr(phase, "_run", run)
    found = judged(BROKEN)
    assert ways == [WAY.instead]
    assert found.by_key[KEY].status is Status.PASS
    assert "make CLANG=clang-15 minimal" in found.by_key[KEY].summary
    assert "smoke.prediction[minimal]" not in found.by_key
    assert found.by_key["toolchain.clang"].status is Status.FAIL


def test_a_build_does_not_go_on_where_one_fault_has_no_way_round(seen: list[Outcome]) -> None:
    seen += outcomes(Stage.FIRES, True)
    found = judged(BROKEN, Finding(Status.FAIL, "absent", id="libraries.libelf"))
    assert found.by_key[KEY].status is Status.SKIP
    assert set(found.by_key[KEY].blocked_by) == {"toolchain.clang", "libraries.libelf"}


def warning(*explains: str) -> Finding:
    found = Finding(Status.WARN, "a file is absent", "checkout.submodules", "libbpf")
    return msgspec.structs.replace(found, explains=explains)


@pytest.mark.parametrize(
    ("explains", "happened", "root"),
    [
        (("libbpf/src",), False, True),
        (("bpftool/src", "libbpf/src"), False, True),
        (("bpftool/src",), False, False),
        ((), False, False),
        (("libbpf/src",), None, False),
    ],
)
def test_a_needed_warning_that_a_failed_build_names_is_its_one_cause(
    seen: list[Outcome], explains: tuple[str, ...], happened: bool | None, root: bool
) -> None:
    log = "make: *** No rule to make target '../../libbpf/src/Makefile'"
    seen.append(Outcome(Stage.BUILD, happened, "make: exit status 2", SEEN, log=log))
    found = judged(warning(*explains))
    key = "checkout.submodules[libbpf]"
    assert found.by_key[key].status is (Status.FAIL if root else Status.WARN)
    assert found.by_key[KEY].blocked_by == ((key,) if root else ())
    if root:
        assert set(SEEN) <= set(found.by_key[key].evidence)


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
    Smoke(Context(host, project), Findings(), Nobody()).prove(target, named=True)
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
