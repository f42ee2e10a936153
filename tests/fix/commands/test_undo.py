"""`undo` from end to end: what a run did is taken back, by consent, and no more than that."""

from __future__ import annotations

import pytest
from fix_world import YES, World

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.commands.options import FixOptions
from bpfdoctor.fix.commands.undo import run_undo
from bpfdoctor.fix.journal.read import runs
from bpfdoctor.fix.journal.write import Before, Journal
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.model import Run


def test_undo_leaves_a_file_that_was_changed_since(world: World) -> None:
    world.needs("a", Run(("echo", "text"), output=str(world.place / "a")))
    world.fix()
    (world.place / "a").write_text("mine")
    assert world.undo() == 0
    assert (world.place / "a").read_text() == "mine"


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


def test_taking_back_a_part_leaves_something_to_take_back(world: World) -> None:
    world.touch("a")
    world.touch("b")
    world.fix()
    world.answer = "1"
    assert world.undo(FixOptions()) == 1
    assert len(world.names()) == 1
    world.answer = "y"
    assert world.undo(FixOptions()) == 0
    assert world.names() == []


@pytest.mark.parametrize("answer", [None, "", "n"])
def test_nothing_is_taken_back_without_consent(world: World, answer: str | None) -> None:
    world.touch("a")
    world.fix()
    world.answer = answer
    assert world.undo(FixOptions()) == 1
    assert world.names() == ["a"]
    assert "Nothing was done." in world.said


def test_a_dry_run_takes_nothing_back_and_says_so_by_its_status(world: World) -> None:
    assert world.undo(FixOptions(dry_run=True)) == 0
    world.touch("a")
    world.fix()
    world.written.clear()
    assert world.undo(FixOptions(dry_run=True)) == 1
    assert world.names() == ["a"]
    assert [step.argv[0] for step in world.shown.steps] == ["rm"]


def test_what_could_not_be_taken_back_is_4_and_is_tried_again(world: World) -> None:
    world.needs("a", Run(("touch", str(world.place / "a")), undo=("false",)))
    world.fix()
    assert world.undo() == 4
    assert world.undo() == 4


def test_a_step_that_cannot_be_taken_back_does_not_keep_the_others(world: World) -> None:
    world.touch("a")
    world.needs("b", Run(("touch", str(world.place / "b")), undo=("false",)))
    world.fix()
    assert world.undo() == 4
    assert world.names() == ["b"]
    (run,) = runs(world.state)
    assert [record.undone for record in run.records] == [True, False]


def test_the_newest_run_that_changed_something_is_taken_back_and_then_the_one_before(
    world: World,
) -> None:
    world.touch("a")
    world.fix()
    world.touch("b")
    world.fix()
    Journal.begin(world.state, Plan())  # it changed nothing
    world.undo()
    assert world.names() == ["a"]
    world.undo()
    assert world.names() == []


def test_the_run_that_is_named_is_taken_back(world: World) -> None:
    world.touch("a")
    world.fix()
    world.touch("b")
    world.fix()
    oldest = runs(world.state)[-1].name
    assert run_undo(oldest, YES, world.machine, world.voice()) == 0
    assert world.names() == ["b"]


def test_what_is_left_to_a_person_is_said(world: World) -> None:
    world.needs("a", Run(("echo", "text"), output=str(world.place / "a")))
    world.fix()
    (world.place / "a").write_text("mine")
    assert world.undo() == 0
    assert "There is nothing to take back." in world.said
    assert any("not as it was written" in line for line in world.said)


def test_lines_that_cannot_be_read_are_named(world: World) -> None:
    world.touch("a")
    world.fix()
    (path,) = world.state.glob("*.jsonl")
    with path.open("a") as file:
        file.write("{\n")
    count = len(path.read_text().splitlines())
    world.undo()
    assert any(f"line {count}" in line and str(path) in line for line in world.said)


def test_nothing_is_taken_back_from_a_manager_that_is_at_work_for_the_run_yet(
    world: World,
) -> None:
    """pacman's lock is a file that exists; the process that it belongs to is gone."""
    step = Step("packages", "install", "t", ("pacman", "-S", "x"), manager="pacman")
    journal = Journal.begin(world.state, Plan((step,)))
    journal.write(Before(step, step.argv, "", packages=(), intended=("x",)))
    lock = world.place / "db.lck"
    lock.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bpfdoctor.fix.managers.pacman.Pacman.lock_files", (str(lock),))
        ended = run_undo("", YES, world.machine, world.voice(), patience=Patience(lock=0))
    assert ended == 1
    assert any("pacman is locked by" in line for line in world.said)


def test_where_the_journal_takes_no_line_nothing_more_is_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.touch("a")
    world.touch("b")
    world.fix()

    def full(self: Journal, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_append", full)
    assert world.undo() == 4
    assert len(world.names()) == 1
    assert any("No space left" in line for line in world.said)
