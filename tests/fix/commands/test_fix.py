"""`fix` from end to end with real commands; only the judgement of the machine is the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from fix_world import YES, World, report
from own_sudo import Sudo

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.commands.fix import CheckRequest, run_fix
from bpfdoctor.fix.commands.options import FixOptions
from bpfdoctor.fix.journal.read import read_run
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import ByHand, Report, Run


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
    assert step.argv == Redactor.of(world.machine).value(("touch", str(world.place / "a")))
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
    assert len(world.checks) == 1  # nothing changed, so nothing is proven anew


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
    run = read_run(path)
    assert (len(run.records), run.unread) == (2, ())


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


def test_without_a_place_for_the_journal_nothing_is_done(world: World, tmp_path: Path) -> None:
    world.touch("a")
    (tmp_path / "state").write_text("")
    with pytest.raises(BpfDoctorError):
        world.fix()
    assert world.names() == []


@pytest.mark.parametrize(("answer", "status"), [("1", 1), ("y", 3)])
def test_a_step_that_was_declined_is_told_from_what_is_not_known(
    world: World, answer: str, status: int
) -> None:
    """What was declined fails still, whatever the check can tell."""
    world.touch("a")
    world.touch("b")
    world.answer = answer
    check = world.check

    def undetermined(wanted: CheckRequest) -> Report:
        found = check(wanted)
        return found if world.names() == [] else report((), 3)

    assert run_fix(FixOptions(), undetermined, world.machine, world.voice()) == status


def test_declining_a_second_round_is_declining(world: World) -> None:
    world.touch("a")
    inner, answers = world.check, iter(["y", "n"])

    def check(wanted: CheckRequest) -> Report:
        if "a" in world.names():
            world.touch("b")
        return inner(wanted)

    voice = world.voice()._replace(ask=lambda question: next(answers))
    assert run_fix(FixOptions(), check, world.machine, voice) == 1
    assert world.names() == ["a"]


def test_what_was_declined_is_not_asked_again(world: World) -> None:
    world.touch("a")
    world.touch("b")
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return "1"

    run_fix(FixOptions(), world.check, world.machine, world.voice()._replace(ask=ask))
    assert len(questions) == 1


def test_it_ends_where_each_repair_uncovers_another(world: World) -> None:
    inner = world.check

    def check(wanted: CheckRequest) -> Report:
        world.touch(f"n{len(world.checks)}")
        return inner(wanted)

    assert run_fix(YES, check, world.machine, world.voice()) == 1
    assert len(world.names()) == 5


def test_without_the_proof_nothing_is_run_to_prove_it(world: World) -> None:
    world.touch("a")
    assert world.fix(FixOptions(yes=True, smoke=False)) == 0
    assert [wanted.smoke for wanted in world.checks] == [False, False]


def test_the_last_report_is_shown_also_where_nothing_was_done(world: World) -> None:
    world.touch("a")
    shown: list[Report] = []
    run_fix(FixOptions(), world.check, world.machine, world.voice(), finish=shown.append)
    assert [each.verdict.exit for each in shown] == [1]
    run_fix(YES, world.check, world.machine, world.voice(), finish=shown.append)
    assert [each.verdict.exit for each in shown] == [1, 0]


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("quietly", "status", "answer", "elevated"),
    [
        (0, 3, "y", [False, False, True]),
        (0, 3, "n", [False, False]),
        (0, 0, "y", [False, False]),
        (0, 1, "y", [False, False]),
        (1, 3, "y", [False, False]),
    ],
)
def test_only_what_nobody_but_root_can_prove_is_proven_as_root(  # noqa: PLR0917
    world: World, sudo: Sudo, quietly: int, status: int, answer: str, elevated: list[bool]
) -> None:
    sudo.installed(quietly=quietly)
    world.answer = answer
    requests: list[CheckRequest] = []

    def check(wanted: CheckRequest) -> Report:
        requests.append(wanted)
        return report((), 0 if wanted.elevated else status)

    options = FixOptions(proof="bpfdoctor check --sudo")
    ended = run_fix(options, check, world.machine, world.voice())
    assert [each.elevated for each in requests] == elevated
    assert ended == (0 if elevated[-1] else status)


@pytest.mark.usefixtures("user")
def test_the_plan_names_the_proof_that_consent_to_it_covers(world: World) -> None:
    world.touch("a")
    world.fix(FixOptions(proof="the very command"))
    assert "the very command" in world.said[0]
    for options in (FixOptions(proof="the very command", smoke=False), FixOptions()):
        world.said.clear()
        world.fix(options)
        assert "what only root can prove" not in world.said[0]


@pytest.mark.usefixtures("user")
def test_consent_to_the_plan_is_consent_to_its_proof(sudo: Sudo) -> None:
    sudo.installed(quietly=0)
    world = World(sudo.place)
    world.touch("a")
    answers, requests = iter(["y"]), list[CheckRequest]()

    def check(wanted: CheckRequest) -> Report:
        requests.append(wanted)
        found = world.check(wanted)
        return found if not world.names() or wanted.elevated else report((), 3)

    voice = world.voice()._replace(ask=lambda question: next(answers))
    assert run_fix(FixOptions(proof="p"), check, world.machine, voice) == 0
    assert requests[-1] == CheckRequest(smoke=True, elevated=True)


@pytest.mark.usefixtures("user")
def test_what_root_has_to_do_is_left_to_root_and_fails_still(sudo: Sudo) -> None:
    world = World(sudo.place)
    world.needs("a", Run(("/bin/touch", str(world.place / "a")), privileged=True))
    assert world.fix() == 1
    assert f"/bin/touch {world.place / 'a'}" in "".join(world.written)
    assert (world.names(), world.state.exists()) == ([], False)


def test_nothing_is_changed_where_there_is_no_home_for_the_journal(world: World) -> None:
    world.touch("a")
    home = world.place / "home"
    del world.machine.environ["XDG_STATE_HOME"]
    world.machine.environ["HOME"] = str(home)
    with pytest.raises(BpfDoctorError, match=f"there is no directory {home}"):
        world.fix()
    assert world.names() == []
