"""The journal is on the disk before the next thing happens, and survives being cut off."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.journal.read import read_run, runs
from bpfdoctor.fix.journal.write import After, Before, Journal, Undone, state_directory
from bpfdoctor.fix.plan import Plan, Step

STEP = Step(id="packages", kind="install", title="t", argv=("apt-get",), manager="apt")
OTHER = Step(id="mount", kind="run", title="t", argv=("mount",), undo=("umount",))


def written(place: Path) -> Journal:
    journal = Journal.begin(place, Plan((STEP, OTHER)))
    journal.write(Before(STEP, STEP.argv, "now", ("a",)))
    journal.write(After("packages", "done", 0, 1.0, "text", added=("x",)))
    journal.write(Before(OTHER, OTHER.argv, "now"))
    return journal


def test_a_step_that_began_and_never_ended_is_one_without_an_end(tmp_path: Path) -> None:
    run = read_run(written(tmp_path / "s").path)
    first, second = run.records
    assert first.after is not None
    assert first.after.added == ("x",)
    assert second.after is None


def test_a_step_that_was_repeated_has_its_own_end(tmp_path: Path) -> None:
    journal = written(tmp_path / "s")
    journal.write(After("mount", "failed", 1, 1.0, ""))
    journal.write(Before(STEP, STEP.argv, "now", ("a", "x")))
    journal.write(After("packages", "done", 0, 1.0, "", added=("y",)))
    ends = [record.after.added for record in read_run(journal.path).records if record.after]
    assert ends == [("x",), (), ("y",)]


def test_what_was_undone_is_marked(tmp_path: Path) -> None:
    journal = written(tmp_path / "s")
    journal.write(Undone(0, ("dpkg", "--purge", "x"), "done"))
    journal.write(Undone(1, ("umount",), "failed"))
    assert [record.undone for record in read_run(journal.path).records] == [True, False]


@settings(deadline=None, max_examples=40)
@given(st.integers(min_value=0, max_value=100_000))
def test_cut_off_anywhere_it_can_still_be_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = written(tmp_path_factory.mktemp("journal")).path
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % (len(whole) + 1)])
    assert len(read_run(path).records) <= 2


def test_a_line_that_was_cut_off_does_not_spoil_what_is_written_behind_it(tmp_path: Path) -> None:
    journal = written(tmp_path / "s")
    journal.write(After("mount", "done", 0, 1.0, "", mount="27 0:25 tracefs tracefs"))
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-9])  # the end of the second step
    assert Journal(journal.path).write(Undone(0, ("dpkg", "--purge", "x"), "done"))
    run = read_run(journal.path)
    assert run.unread == (5,)
    assert [(each.undone, each.after is None) for each in run.records] == [
        (True, False),
        (False, True),
    ]


def test_what_is_no_journal_is_said_and_the_others_are_read(tmp_path: Path) -> None:
    good, bad = written(tmp_path / "s"), written(tmp_path / "s").path
    bad.write_bytes(b"{\n\xff\n")
    with pytest.raises(BpfDoctorError, match="not a journal"):
        read_run(bad)
    said: list[str] = []
    assert [run.name for run in runs(bad.parent, said.append)] == [good.run]
    assert str(bad) in said[0]


def test_a_full_disk_is_said_and_what_was_written_stays(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root", "mount")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", place], check=True)
    try:
        journal = Journal.begin(place, Plan((STEP,)))
        assert journal.write(Before(STEP, STEP.argv, "now"))
        before = journal.path.read_bytes()
        assert not journal.write(After("packages", "done", 0, 1.0, "x" * 9000))
        assert "No space left on device" in journal.failed
        assert not journal.write(Undone(0, (), "done"))  # nothing more, although there is room
        assert journal.path.read_bytes() == before
        with pytest.raises(BpfDoctorError, match="No space left on device"):
            Journal.begin(place, Plan((replace(STEP, title="x" * 9000),)))
    finally:
        subprocess.run(["umount", place], check=True)


def test_it_is_the_users_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "s").path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_without_a_place_for_it_nothing_is_changed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BpfDoctorError, match="journal cannot be written"):
        Journal.begin(tmp_path / "file/state", Plan())


def test_the_newest_run_comes_first(tmp_path: Path) -> None:
    names = [written(tmp_path).run for _ in range(3)]
    assert [run.name for run in runs(tmp_path)] == sorted(names, reverse=True)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/bpfdoctor"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/bpfdoctor"),
        ({"HOME": "/h"}, "/h/.local/state/bpfdoctor"),
        ({}, "/.local/state/bpfdoctor"),
    ],
)
def test_the_state_directory_is_that_of_the_base_directory_specification(
    environ: dict[str, str], expected: str
) -> None:
    assert str(state_directory(environ)) == expected
