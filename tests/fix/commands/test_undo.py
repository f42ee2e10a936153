"""`undo` from end to end: what a run did is taken back, by consent, and no more than that."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from fix_world import YES, World
from own_sudo import Sudo
from private_path import script

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.commands.options import FixOptions
from bpfdoctor.fix.commands.undo import run_undo
from bpfdoctor.fix.journal.read import runs
from bpfdoctor.fix.journal.write import After, Before, Journal
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


def test_a_file_elsewhere_is_no_run(world: World) -> None:
    world.touch("a")
    world.fix()
    (path,) = world.state.glob("*.jsonl")
    path.rename(world.state.parent / "x.jsonl")
    with pytest.raises(BpfDoctorError, match="there is no run"):
        run_undo("../x", YES, world.machine, world.voice())
    assert world.names() == ["a"]


def test_who_asks_for_a_run_that_there_is_not_hears_which_there_are(world: World) -> None:
    with pytest.raises(BpfDoctorError) as refused:
        run_undo("x", YES, world.machine, world.voice())
    assert refused.value.hint.endswith(": none")
    world.touch("a")
    world.fix()
    with pytest.raises(BpfDoctorError) as refused:
        run_undo("x", YES, world.machine, world.voice())
    assert runs(world.state)[0].name in refused.value.hint


def test_a_file_that_is_no_journal_is_named_and_the_others_are_taken_back(world: World) -> None:
    world.touch("a")
    world.fix()
    (world.state / "z.jsonl").write_text("x\ny\n")
    assert world.undo() == 0
    assert world.names() == []
    assert any("z.jsonl" in line for line in world.said)


@pytest.mark.usefixtures("user")
def test_what_root_has_to_take_back_is_left_to_root(sudo: Sudo) -> None:
    world = World(sudo.place)
    step = Step("r", "repository", "r", ("on",), privileged=True, undo=("off",))
    journal = Journal.begin(world.state, Plan((step,)))
    journal.write(Before(step, step.argv, ""))
    journal.write(After("r", "done", 0, 1, ""))
    assert world.undo() == 1
    assert "".join(world.written).splitlines() == ["  As root:", "  $ off"]
    assert any("sudo is not installed" in line for line in world.said)


@pytest.mark.parametrize(
    ("fails", "ran", "undone", "status"),
    [
        ("--remove", ["--remove x y"], [True, False], 4),
        ("--purge", ["--remove x y", "--purge y"], [True, False], 4),
        ("nothing", ["--remove x y", "--purge y"], [True, True], 0),
    ],
)
def test_packages_are_taken_back_once_the_last_of_their_steps_is(  # noqa: PLR0917
    world: World, sudo: Sudo, fails: str, ran: list[str], undone: list[bool], status: int
) -> None:
    """And what a run did before that is taken back whatever becomes of them."""
    if os.geteuid() != 0:
        pytest.skip("dpkg is run as root")
    log = world.state.parent / "log"
    states = "x installed\\ny installed\\n"
    script(sudo.place, "dpkg-query", f"printf '{states}'")
    refuse = f'[ "$1" = {fails} ] && {{ echo cannot; exit 1; }}'
    note = f'[ "$1" = --no-act ] || echo "$@" >> {log}'
    script(sudo.place, "dpkg", f"{note}; {refuse}; exit 0")
    world.machine.environ["PATH"] = f"{sudo.place}:{os.environ['PATH']}"
    world.touch("a")
    world.fix()
    (path,) = world.state.glob("*.jsonl")
    install = Step("p", "install", "p", ("apt-get",), privileged=True, manager="apt")
    Journal(path).write(Before(install, install.argv, "", packages=(), leftovers=("x",)))
    Journal(path).write(After("p", "done", 0, 1, "", added=("x", "y")))
    assert world.undo() == status
    assert log.read_text().splitlines() == ran
    assert world.names() == []
    (run,) = runs(world.state)
    assert [record.undone for record in run.records] == undone
    ends = [line for line in path.read_text().splitlines() if '"event":"undone"' in line]
    assert len(ends) == 2
    assert ("cannot" in ends[0]) == (status == 4)


@pytest.fixture
def done(world: World) -> Path:
    """The journal of a run that made one file."""
    if os.geteuid() != 0:
        pytest.skip("only root gives a file away")
    world.touch("a")
    world.fix()
    world.said.clear()
    (path,) = world.state.glob("*.jsonl")
    return path


def test_root_obeys_no_journal_that_another_wrote(world: World, done: Path) -> None:
    os.chown(done, 12345, 12345)
    assert world.undo() == 1
    assert world.names() == ["a"]
    told = f"journal {done} is not used: it belongs to user 12345 (mode 0600)"
    assert world.said == [told, "There is nothing to take back."]
    assert world.undo(FixOptions(dry_run=True)) == 1
    with pytest.raises(BpfDoctorError, match=re.escape(told)):
        run_undo(done.stem, YES, world.machine, world.voice())
    assert world.names() == ["a"]


def test_an_unusable_journal_keeps_no_other_from_being_taken_back(world: World, done: Path) -> None:
    (done.parent / "99999999T000000-000000.jsonl").symlink_to(done)
    assert world.undo() == 0
    assert world.names() == []
    assert "is not used: it is a link" in world.said[0]


@pytest.mark.parametrize("place", ["state", "state/bpfdoctor"])
@pytest.mark.parametrize("how", ["anothers", "open", "link"])
def test_no_journal_is_looked_for_where_another_could_have_put_it(
    world: World, done: Path, place: str, how: str
) -> None:
    directory = world.place.parent / place
    if how == "anothers":
        os.chown(directory, 12345, 12345)
    elif how == "open":
        directory.chmod(0o777)
    else:
        directory.rename(world.place.parent / "there")
        directory.symlink_to(world.place.parent / "there")
        os.lchown(directory, 12345, 12345)
    with pytest.raises(BpfDoctorError, match=f"{directory}") as refused:
        world.undo()
    assert refused.value.message.startswith(f"no journal of {world.state} is used: ")
    assert "XDG_STATE_HOME" in refused.value.hint
    assert world.names() == ["a"]


def test_a_place_that_cannot_be_looked_at_is_not_taken_for_an_empty_one(world: World) -> None:
    world.machine.environ["XDG_STATE_HOME"] = "/etc/passwd"
    with pytest.raises(BpfDoctorError, match="Not a directory"):
        world.undo()


def test_a_run_without_journals_is_not_a_place_made(world: World) -> None:
    assert world.undo() == 0
    assert not world.state.exists()


@pytest.mark.usefixtures("user")
def test_a_user_is_told_that_root_knows_its_own_runs(sudo: Sudo) -> None:
    world = World(sudo.place)
    assert world.undo() == 0
    assert any("run undo as root" in line for line in world.said)


def test_of_many_lines_that_cannot_be_read_few_are_named(world: World, done: Path) -> None:
    with done.open("a") as file:
        file.write("{\n" * 10_000)
    world.undo()
    (told,) = (line for line in world.said if "not to be read" in line)
    assert told.endswith(" and 9,995 more")
    assert len(told) < len(str(done)) + 100
