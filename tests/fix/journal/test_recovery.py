"""What a killed run added is noted before anything else is installed, if it can be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from manager_says import STATES, ManagerHost, installed

from bpfdoctor.fix.journal.read import Record, read_run
from bpfdoctor.fix.journal.recovery import close_cut_off
from bpfdoctor.fix.journal.write import After, Before, Journal
from bpfdoctor.fix.plan import Plan, Step

INSTALL = Step("packages", "install", "t", ("apt-get", "install", "x"), manager="apt")
MOUNT = Step("mount", "run", "t", ("mount",), undo=("umount",))
HOST = ManagerHost(installed("old", "x", "theirs"))


def began(intended: tuple[str, ...] | None = ("x", "y"), step: Step = INSTALL) -> Before:
    return Before(step, step.argv, "", packages=("old",), intended=intended)


def closed(place: Path, *lines: Before | After, host: ManagerHost = HOST) -> tuple[Record, ...]:
    """The records of a run with these lines, after another one has seen to it."""
    journal = Journal.begin(place, Plan((INSTALL,)))
    for line in lines:
        journal.write(line)
    close_cut_off(place, host)
    return read_run(journal.path).records


def test_what_came_by_a_killed_run_is_told_from_what_others_install_later(tmp_path: Path) -> None:
    (record,) = closed(tmp_path, began())
    assert record.after is not None
    reason = record.after.reason
    assert record.after == After("packages", "interrupted", None, 0, "", reason, ("x",))
    assert reason
    assert not record.cut_off


def test_a_command_that_was_given_up_is_closed_too(tmp_path: Path) -> None:
    (record,) = closed(tmp_path, began(), After("packages", "failed", None, 1, "", added=None))
    assert record.after is not None
    assert record.after.added == ("x",)


def test_where_the_manager_said_nothing_beforehand_nothing_is_taken_for_added(
    tmp_path: Path,
) -> None:
    (record,) = closed(tmp_path, began(intended=None))
    assert record.after is None


def test_where_the_manager_says_nothing_now_it_stays_open(tmp_path: Path) -> None:
    (record,) = closed(tmp_path, began(), host=ManagerHost({STATES: (1, "")}))
    assert record.after is None


def test_what_has_ended_is_left_as_it_is(tmp_path: Path) -> None:
    end = After("packages", "done", 0, 1, "", added=("y",))
    (record,) = closed(tmp_path, began(), end)
    assert record.after == end
    end = After("packages", "done", 0, 1, "", added=())
    first, second = closed(tmp_path, began(step=MOUNT), began(), end)
    assert (first.after, second.after) == (None, end)


def test_a_run_without_a_step_is_passed_over_and_every_other_is_closed(tmp_path: Path) -> None:
    assert closed(tmp_path) == ()
    runs = [Journal.begin(tmp_path, Plan((INSTALL,))) for _ in range(2)]
    for run in runs:
        run.write(began())
    close_cut_off(tmp_path, HOST)
    assert [read_run(run.path).records[0].cut_off for run in runs] == [False, False]


@pytest.mark.parametrize("kind", ["run", "refresh"])
def test_a_step_that_installs_nothing_added_nothing(tmp_path: Path, kind: str) -> None:
    step = Step("s", kind, "t", ("true",), manager="apt")  # type: ignore[arg-type]
    (record,) = closed(tmp_path, began(step=step))
    assert record.after is not None
    assert record.after.added == ()
