"""A journal is read as it was meant: each step with its own end, and the first line's facts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.journal.read import MOST_LINES, Record, read_run, runs
from bpfdoctor.fix.journal.write import After, Before, Began, Finished, Journal, Line, Undone
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.scratch import boot_id

A, B = (Step(id=name, kind="run", title=name, argv=(name,)) for name in ("a", "b"))


def read(place: Path, *lines: Line) -> tuple[Record, ...]:
    journal = Journal.begin(place, Plan())
    for line in lines:
        assert journal.write(line)
    return read_run(journal.path).records


def ended(step: Step, *, added: tuple[str, ...] | None = ()) -> After:
    return After(step.id, "done", 0, 1, "", added=added)


def test_the_end_of_another_step_does_not_close_the_last_one(tmp_path: Path) -> None:
    (record,) = read(tmp_path, Before(A, A.argv, ""), ended(B))
    assert record.after is None
    assert record.cut_off


def test_an_end_without_a_beginning_is_of_no_step(tmp_path: Path) -> None:
    assert read(tmp_path, ended(A)) == ()


def test_of_two_ends_the_last_counts(tmp_path: Path) -> None:
    lines = (Before(A, A.argv, ""), ended(A, added=None), ended(A, added=("x",)))
    (record,) = read(tmp_path, *lines)
    assert record.after == ended(A, added=("x",))
    assert not record.cut_off


def test_only_what_was_done_is_marked_as_taken_back(tmp_path: Path) -> None:
    lines = (Before(A, A.argv, ""), Undone(1, (), "done"), Undone(0, (), "failed"))
    (record,) = read(tmp_path, *lines)
    assert not record.undone
    (record,) = read(tmp_path, *lines, Undone(0, (), "done"))
    assert record.undone


def test_a_run_of_several_rounds_is_as_old_as_its_first(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, Plan())
    journal.write(Began("r", "later", Plan()))
    journal.write(Finished(0))
    run = read_run(journal.path)
    assert (run.name, run.path, run.boot) == (journal.run, str(journal.path), boot_id())
    assert run.started.endswith("Z")
    assert run.unread == ()


def test_a_run_that_was_killed_at_its_first_line_changed_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    for text in ("", '{"event":"run"'):
        path.write_text(text)
        run = read_run(path)
        assert (run.started, run.boot, run.records) == ("", "", ())


def test_a_line_that_tells_nothing_is_named_by_its_number(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, Plan())
    with journal.path.open("ab") as file:
        file.write(b'\n{"event":"unheard-of"}\n\xff\n')
    journal.write(Before(A, A.argv, ""))
    run = read_run(journal.path)
    assert run.unread == (3, 4)
    assert len(run.records) == 1


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(BpfDoctorError, match="Is a directory"):
        read_run(tmp_path / "x.jsonl")
    said: list[str] = []
    assert runs(tmp_path, said.append) == []
    assert len(said) == 1
    assert runs(tmp_path) == []


def step_line(**changed: object) -> bytes:
    """A start of a step, as it might be written by something else than us."""
    step = {"id": "a", "kind": "run", "title": "t", "argv": ["a"], **changed}
    return msgspec.json.encode({"event": "start", "step": step, "argv": ["a"], "at": ""})


@pytest.mark.parametrize(
    "changed",
    [
        {"argv": []},
        {"argv": ["a\0b"]},
        {"undo": ["umount", "\0"]},
        {"environment": {"A": "\0"}},
        {"cwd": "here"},
        {"output": "../x"},
        {"owner_of": "."},
        {"kind": "install", "manager": "unheard-of"},
        {"kind": "install"},
        {"kind": "unheard-of"},
    ],
    ids=str,
)
def test_a_step_that_nobody_could_take_back_is_not_read(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    journal = Journal.begin(tmp_path, Plan())
    with journal.path.open("ab") as file:
        file.write(step_line(**changed) + b"\n" + step_line(cwd="/", kind="install", manager="apt"))
    run = read_run(journal.path)
    assert run.unread == (2,)
    assert len(run.records) == 1


def test_a_line_of_endless_depth_is_a_line_that_tells_nothing(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, Plan())
    with journal.path.open("ab") as file:
        file.write(b'{"event":"finished","exit":0,"x":' + b"[" * 300_000 + b"]" * 300_000 + b"}\n")
    assert read_run(journal.path).unread == (2,)


@pytest.mark.parametrize("index", [-1, -2, 1, 2**62])
def test_what_was_undone_is_counted_from_the_first_step(tmp_path: Path, index: int) -> None:
    (record,) = read(tmp_path, Before(A, A.argv, ""), Undone(index, (), "done"))
    assert not record.undone


def test_a_journal_has_a_largest_size_and_most_lines(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, Plan())
    with journal.path.open("ab") as file:
        file.write(b"\n" * (MOST_LINES - 1))
    assert read_run(journal.path).started
    with journal.path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(BpfDoctorError, match=f"more than {MOST_LINES:,} lines"):
        read_run(journal.path)
    os.truncate(journal.path, 2 << 40)
    with pytest.raises(BpfDoctorError, match="larger than"):
        read_run(journal.path)


def test_what_another_could_have_written_is_no_journal(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    path = Journal.begin(tmp_path, Plan()).path
    os.chown(path, 12345, 12345)
    told = f"journal {path} is not used: it belongs to user 12345 (mode 0600)"
    with pytest.raises(BpfDoctorError, match=re.escape(told)):
        read_run(path)
    os.chown(path, 0, 0)
    path.rename(tmp_path / "there")
    path.symlink_to("there")
    with pytest.raises(BpfDoctorError, match=f"journal {path} is not used: it is a link"):
        read_run(path)
