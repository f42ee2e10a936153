"""A run is taken back newest first, and only what it added; what is not known is for a person."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from manager_says import STATES, ManagerHost, installed
from msgspec.structs import replace

from bpfdoctor.fix.journal.read import JournaledRun, Record
from bpfdoctor.fix.journal.undo_plan import index_of, undo_plan
from bpfdoctor.fix.journal.undo_state import digest_of
from bpfdoctor.fix.journal.write import After, Before, Result
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.scratch import boot_id

INSTALL = Step(
    id="packages",
    kind="install",
    title="install 2 packages",
    argv=("apt-get", "install"),
    why=("k",),
    privileged=True,
    manager="apt",
    undo_text="x",
)
SWITCH = Step(
    id="repository:x",
    kind="repository",
    title="switch on x",
    argv=("on",),
    why=("k",),
    privileged=True,
    cwd="/c",
    owner_of="/o",
    undo=("off",),
)
HOST = ManagerHost(installed("old", "x", "y", "theirs"))


def record(
    step: Step,
    result: Result = "done",
    *,
    added: tuple[str, ...] | None = (),
    intended: tuple[str, ...] | None = None,
    leftovers: tuple[str, ...] = (),
) -> Record:
    before = Before(step, step.argv, "", ("old",), leftovers=leftovers, intended=intended)
    return Record(before, After(step.id, result, 0, 1, "", added=added))


def undone(*records: Record, host: ManagerHost = HOST) -> Plan:
    return undo_plan(JournaledRun("r", "", records, "", boot_id()), host)


def removed(each: Record, host: ManagerHost = HOST) -> list[tuple[str, ...]]:
    plan = undone(each, host=host)
    assert plan.manual == ()
    return [step.argv for step in plan.steps]


def test_what_others_installed_meanwhile_is_not_removed() -> None:
    assert removed(record(INSTALL, added=("x", "y", "gone"))) == [("dpkg", "--purge", "x", "y")]


def test_what_was_there_before_is_not_removed_whatever_the_journal_says() -> None:
    assert removed(record(INSTALL, added=("old",))) == []


def test_nothing_is_removed_where_what_was_there_before_is_not_known() -> None:
    each = record(INSTALL, added=("x",))
    unknown = replace(each, before=replace(each.before, packages=None))
    assert removed(unknown) == []
    assert removed(each, host=ManagerHost({STATES: (1, "")})) == []


def test_settings_that_were_left_by_others_stay_and_its_own_go() -> None:
    host = ManagerHost(installed("old", "x", settings=("y",)))
    plan = undone(record(INSTALL, added=("x", "y"), leftovers=("x",)), host=host)
    assert [(step.id, step.argv, step.after) for step in plan.steps] == [
        ("undo:0", ("dpkg", "--remove", "x", "y"), ()),
        ("undo:0.1", ("dpkg", "--purge", "y"), ("undo:0",)),
    ]
    assert [step.packages for step in plan.steps] == [("x", "y"), ("x", "y")]
    assert {step.kind for step in plan.steps} == {"remove"}
    assert {step.title.partition(" ")[0] for step in plan.steps} == {"remove"}
    assert plan.steps[0].title != plan.steps[1].title
    assert {index_of(step) for step in plan.steps} == {0}


def test_settings_of_others_alone_are_not_what_it_left() -> None:
    host = ManagerHost(installed("old", settings=("y",)))
    assert removed(record(INSTALL, added=("y",), leftovers=("y",)), host=host) == []
    assert removed(record(INSTALL, added=("y",)), host=host) == [("dpkg", "--purge", "y")]


@pytest.mark.parametrize("ended", [False, True])
def test_of_a_run_that_was_cut_off_only_what_it_was_to_install_is_removed(ended: bool) -> None:
    each = record(INSTALL, added=None, intended=("x", "y", "gone"))
    each = each if ended else replace(each, after=None)
    (step,) = undone(each).steps
    assert step.argv == ("dpkg", "--purge", "x", "y")
    assert "cut off" in " ".join(step.notes)
    assert (step.title, step.undo_text) == ("remove the 2 packages that it added", "")
    assert undone(record(INSTALL, added=("x",))).steps[0].notes == ()


@pytest.mark.parametrize("ended", [False, True])
def test_of_a_run_that_was_cut_off_and_foretold_nothing_a_person_decides(ended: bool) -> None:
    each = record(INSTALL, added=None)
    each = each if ended else replace(each, after=None)
    plan = undone(each)
    assert plan.steps == ()
    assert "x y" in plan.manual[0].text
    assert "theirs" in plan.manual[0].text
    assert "dpkg --purge" in plan.manual[0].text
    assert plan.manual[0].why == ("k",)
    assert undone(each, host=ManagerHost(installed("old"))) == Plan()


def test_an_installation_that_failed_is_taken_back_as_far_as_it_came() -> None:
    assert removed(record(INSTALL, "failed", added=("x",))) == [("dpkg", "--purge", "x")]


@pytest.mark.parametrize(("result", "steps"), [("done", 1), ("not-taken", 1), ("failed", 0)])
def test_a_command_that_failed_changed_nothing_to_take_back(result: Result, steps: int) -> None:
    assert len(undone(record(SWITCH, result)).steps) == steps


def test_a_command_that_was_cut_off_is_taken_back() -> None:
    assert len(undone(replace(record(SWITCH), after=None)).steps) == 1
    assert len(undone(record(SWITCH, "interrupted")).steps) == 1


def test_what_is_taken_back_is_done_as_it_was_done() -> None:
    (step,) = undone(record(SWITCH)).steps
    assert (step.argv, step.kind, step.why) == (("off",), "run", ("k",))
    assert (step.privileged, step.cwd, step.owner_of) == (True, "/c", "/o")
    assert "switch on x" in step.title


def test_the_newest_is_taken_back_first_and_nothing_twice() -> None:
    records = (record(SWITCH), replace(record(SWITCH), undone=True), record(INSTALL, added=("x",)))
    plan = undone(*records)
    assert [step.id for step in plan.steps] == ["undo:2", "undo:0"]
    assert [index_of(step) for step in plan.steps] == [2, 0]


def test_a_step_without_a_way_back_leaves_nothing_to_do() -> None:
    assert undone(record(replace(SWITCH, undo=(), kind="refresh"))) == Plan()


def test_what_stands_in_the_place_of_a_file_is_left_to_a_person(tmp_path: Path) -> None:
    path = tmp_path / "a.h"
    os.mkfifo(path)
    step = replace(SWITCH, output=str(path), undo=("rm",))
    for digest in ("", "of a file"):
        after = After(step.id, "done", 0, 1, "", digest=digest)
        plan = undone(Record(Before(step, step.argv, "", fresh=True), after))
        assert [each.text for each in plan.manual] == [
            f"{path} is not as it was written: it is left alone"
        ]


@pytest.mark.parametrize(
    ("fresh", "ended", "text", "steps", "manual"),
    [
        (True, True, "its", 1, 0),
        (True, True, "mine", 0, 1),
        (True, False, "its", 0, 1),
        (False, True, "its", 0, 0),
        (True, True, None, 0, 0),
    ],
)
def test_a_file_is_removed_only_where_it_is_the_one_that_was_written(  # noqa: PLR0917
    tmp_path: Path, fresh: bool, ended: bool, text: str | None, steps: int, manual: int
) -> None:
    path = tmp_path / "a.h"
    path.write_text("its")
    step = replace(SWITCH, output=str(path), undo=("rm",), privileged=False)
    after = After(step.id, "done", 0, 1, "", digest=digest_of(str(path)))
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    plan = undone(Record(Before(step, step.argv, "", fresh=fresh), after if ended else None))
    assert (len(plan.steps), len(plan.manual)) == (steps, manual)
    for each in plan.steps:
        assert (each.argv, each.owner_of) == (("rm", "--", str(path)), "/o")
        assert (each.kind, each.title, each.why) == ("run", f"remove {path}", ("k",))
        assert not each.privileged
    assert [each.why for each in plan.manual] == [("k",)] * manual
