"""`fix` from end to end with real commands; only the judgement of the machine is the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.commands.fix import CheckRequest, run_fix
from bpfdoctor.fix.commands.options import FixOptions, Voice
from bpfdoctor.fix.commands.undo import run_undo
from bpfdoctor.fix.journal.read import read_run
from bpfdoctor.fix.plan import Plan
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import (
    ByHand,
    Fix,
    HostFacts,
    ProjectFacts,
    Readiness,
    Report,
    Reported,
    Run,
    Status,
    Tool,
    Verdict,
)

YES = FixOptions(yes=True)


def report(findings: tuple[Reported, ...], status: int) -> Report:
    readiness = Readiness.READY if status == 0 else Readiness.NOT_READY
    return Report(
        tool=Tool("bpfdoctor", "0"),
        started="",
        seconds=0,
        verdict=Verdict(status, readiness, ""),
        project=ProjectFacts("p", "", ""),
        host=HostFacts("", "", "", privileged=False),
        findings=findings,
        programs=(),
    )


class World:
    """A machine on which some files have to exist, each with the fix that makes it."""

    def __init__(self, tmp_path: Path) -> None:
        self.place = tmp_path / "world"
        self.place.mkdir()
        self.fixes: dict[str, tuple[Fix, ...]] = {}
        self.checks: list[CheckRequest] = []
        self.said: list[str] = []
        self.written: list[str] = []
        self.shown = Plan()
        self.answer: str | None = None
        self.machine = Machine({**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")})
        self.state = tmp_path / "state/bpfdoctor"

    def touch(self, name: str, *, undo: bool = True) -> None:
        path = str(self.place / name)
        self.fixes[name] = (Run(("touch", path), undo=("rm", path) if undo else ()),)

    def needs(self, name: str, *fixes: Fix) -> None:
        self.fixes[name] = fixes

    def check(self, wanted: CheckRequest) -> Report:
        self.checks.append(wanted)
        missing = [name for name in self.fixes if not (self.place / name).exists()]
        found = tuple(self.finding(name) for name in missing)
        return report(found, 1 if missing else 0)

    def finding(self, name: str) -> Reported:
        key = f"world.{name}"
        return Reported(key, "", key, "", Status.FAIL, True, "", (), self.fixes[name], ())

    def voice(self) -> Voice:
        return Voice(self.written.append, self.said.append, self.ask, False, self.show)

    def show(self, plan: Plan, words: str, redactor: Redactor, *, said: bool = False) -> None:
        self.shown = redactor.value(plan)

    def ask(self, question: str) -> str | None:
        return self.answer

    def fix(self, options: FixOptions = YES) -> int:
        return run_fix(options, self.check, self.machine, self.voice())

    def undo(self, options: FixOptions = YES) -> int:
        return run_undo("", options, self.machine, self.voice())

    def names(self) -> list[str]:
        return sorted(os.listdir(self.place))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_failed_is_repaired_checked_again_and_taken_back(world: World) -> None:
    world.touch("a")
    world.touch("b")
    assert world.fix() == 0
    assert world.names() == ["a", "b"]
    assert [wanted.smoke for wanted in world.checks] == [False, False, True]
    assert world.undo() == 0
    assert world.names() == []
    assert world.undo() == 0
    assert "There is nothing to take back." in world.said


def test_a_second_run_plans_nothing(world: World) -> None:
    world.touch("a")
    world.fix()
    assert world.fix(FixOptions(dry_run=True)) == 0
    assert world.shown.steps == ()


def test_a_dry_run_changes_nothing_and_says_so_by_its_status(world: World) -> None:
    world.touch("a")
    assert world.fix(FixOptions(dry_run=True)) == 1
    (step,) = world.shown.steps
    assert step.argv == ("touch", str(world.place / "a"))
    assert world.names() == []
    assert not world.state.exists()


def test_a_plan_as_data_names_no_person_and_no_place(world: World) -> None:
    home = str(world.place)
    world.machine.environ["HOME"] = home
    argv = ("git", "clone", "https://me:secret@git.example.org/x", f"{home}/x")
    world.needs("a", Run(argv, text=f"into {home}/x"))
    world.fix(FixOptions(dry_run=True))
    assert "secret" not in str(world.shown)
    assert home not in str(world.shown)
    assert world.shown.steps[0].argv[2:] == ("https://$USER@$HOST1/x", "~/x")


@pytest.mark.parametrize("answer", [None, "", "n", "no"])
def test_declined_is_still_failing(world: World, answer: str | None) -> None:
    world.touch("a")
    world.answer = answer
    assert world.fix(FixOptions()) == 1
    assert world.names() == []


def test_refusing_one_step_leaves_1(world: World) -> None:
    world.touch("a")
    world.touch("b")
    world.answer = "1"
    assert world.fix(FixOptions()) == 1
    assert world.names() == ["a"]


def test_what_ran_is_what_was_shown(world: World) -> None:
    world.touch("a")
    world.fix(FixOptions(dry_run=True))
    shown = [step.argv for step in world.shown.steps]
    world.fix()
    (path,) = world.state.glob("*.jsonl")
    ran = [record.before.argv for record in read_run(path).records]
    assert Redactor.of(world.machine).value(ran) == shown


def test_a_step_that_succeeds_and_brings_nothing_is_4(world: World) -> None:
    world.needs("a", Run(("true",)))
    assert world.fix() == 4
    assert any("did not take" in line for line in world.said)


def test_of_two_steps_for_one_finding_the_last_is_blamed(world: World) -> None:
    world.needs("a", Run(("true",)), Run(("echo", "brought")))
    assert world.fix() == 4
    assert "This was applied and did not take: run echo" in world.said


def test_a_step_that_failed_is_blamed_before_one_that_did_not_help(world: World) -> None:
    world.needs("a", Run(("true",)), Run(("false",)))
    assert world.fix() == 4
    assert "This step failed: run false" in world.said


def test_a_step_that_fails_is_4_and_the_others_run(world: World) -> None:
    world.needs("a", Run(("sh", "-c", "echo 'No space left on device' >&2; exit 1")))
    world.touch("b")
    assert world.fix() == 4
    assert world.names() == ["b"]
    assert any("the disk is full" in line for line in world.said)


def test_what_a_repair_uncovers_is_repaired_too(world: World) -> None:
    world.touch("a")
    inner = world.check

    def check(wanted: CheckRequest) -> Report:
        if (world.place / "a").exists():
            world.touch("b")
        return inner(wanted)

    assert run_fix(YES, check, world.machine, world.voice()) == 0
    assert world.names() == ["a", "b"]
    (path,) = world.state.glob("*.jsonl")
    assert len(read_run(path).records) == 2


def test_what_only_a_person_can_do_is_said(world: World) -> None:
    world.needs("a", ByHand("boot another kernel"))
    assert world.fix() == 1
    assert any("boot another kernel" in line for line in world.said)


def test_what_lowers_security_is_not_done_under_yes_alone(world: World) -> None:
    world.needs("a", Run(("sysctl", "-w", "kernel.unprivileged_bpf_disabled=0")))
    assert world.fix() == 1
    assert any("less secure" in line for line in world.said)
    assert not world.state.exists()


def test_ids_choose_also_what_is_not_needed(world: World) -> None:
    world.touch("a")
    world.touch("b")
    world.fix(FixOptions(ids=("world.b",), yes=True))
    assert world.names() == ["b"]


def test_a_file_is_written_from_the_output_and_taken_back(world: World) -> None:
    target = str(world.place / "a")
    world.needs("a", Run(("echo", "text"), output=target))
    assert world.fix() == 0
    assert (world.place / "a").read_text() == "text\n"
    assert world.undo() == 0
    assert world.names() == []


def test_undo_leaves_a_file_that_was_changed_since(world: World) -> None:
    world.needs("a", Run(("echo", "text"), output=str(world.place / "a")))
    world.fix()
    (world.place / "a").write_text("mine")
    assert world.undo() == 0
    assert (world.place / "a").read_text() == "mine"


def test_without_a_place_for_the_journal_nothing_is_done(world: World, tmp_path: Path) -> None:
    world.touch("a")
    (tmp_path / "state").write_text("")
    with pytest.raises(BpfDoctorError):
        world.fix()
    assert world.names() == []


def test_an_unknown_run_is_named(world: World) -> None:
    with pytest.raises(BpfDoctorError, match="there is no run x"):
        run_undo("x", YES, world.machine, world.voice())
    with pytest.raises(BpfDoctorError, match="there is no run"):
        run_undo("../x", YES, world.machine, world.voice())


def test_what_would_be_taken_back_is_redacted_as_data_too(world: World) -> None:
    world.touch("a")
    world.fix()
    world.written.clear()
    world.machine.environ["HOME"] = str(world.place)
    assert world.undo(FixOptions(dry_run=True)) == 1
    (step,) = world.shown.steps
    assert step.argv == ("rm", "~/a")
