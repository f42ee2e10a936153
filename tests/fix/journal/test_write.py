"""A line is on the disk before the next thing happens, whole, and in no file but ours."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.journal.write import After, Before, Journal, Undone
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.scratch import boot_id

STEP = Step(id="a", kind="run", title="t", argv=("a",))


def lines(journal: Journal) -> list[dict[str, object]]:
    return [json.loads(line) for line in journal.path.read_text().splitlines()]


def test_the_first_line_is_there_before_anything_is_changed(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, Plan((STEP,)))
    (first,) = lines(journal)
    assert (first["event"], first["run"]) == ("run", journal.run)
    assert journal.run == journal.path.stem
    assert first["boot"] == boot_id()


def test_a_line_is_on_the_disk_when_write_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but a crash would show it: that fsync(2) is called, and after the whole line."""
    journal = Journal.begin(tmp_path, Plan())
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.pread(fd, 9999, 0)))
    assert journal.write(Before(STEP, STEP.argv, "now"))
    assert synced == [journal.path.read_bytes()]
    assert synced[0].endswith(b"}\n")


def test_a_line_longer_than_one_write_takes_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.begin(tmp_path, Plan())
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    assert journal.write(After("a", "done", 0, 1, "x" * 100))
    assert lines(journal)[-1]["output"] == "x" * 100


def test_a_journal_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, Plan())
    journal.path.unlink()
    assert not journal.write(Undone(0, (), "done"))
    assert "No such file" in journal.failed
    assert os.listdir(tmp_path) == []


def test_two_runs_never_share_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpfdoctor.fix.journal.write.time.time_ns", lambda: 1)
    monkeypatch.setattr("bpfdoctor.fix.journal.write.time.gmtime", lambda: (2026,) + (1,) * 8)
    first = Journal.begin(tmp_path, Plan())
    with pytest.raises(BpfDoctorError, match="File exists") as refused:
        Journal.begin(tmp_path, Plan())
    assert "XDG_STATE_HOME" in refused.value.hint
    assert len(lines(first)) == 1


def test_no_line_goes_where_another_could_read_or_put_it(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    journal = Journal.begin(tmp_path / "state", Plan())
    whole = journal.path.read_bytes()
    journal.path.rename(tmp_path / "there")
    journal.path.symlink_to(tmp_path / "there")
    assert not journal.write(Undone(0, (), "done"))
    assert journal.failed.endswith("it is a link (of root's)")
    assert (tmp_path / "there").read_bytes() == whole


def test_no_run_begins_in_a_directory_that_another_could_change(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    os.chown(tmp_path, 12345, 12345)
    told = f"{tmp_path} belongs to user 12345 (mode 0700)"
    with pytest.raises(BpfDoctorError, match=re.escape(told)) as refused:
        Journal.begin(tmp_path / "state", Plan())
    assert "XDG_STATE_HOME" in refused.value.hint
    assert os.listdir(tmp_path) == []


def test_no_home_is_made_for_a_journal(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(BpfDoctorError, match=f"there is no directory {home}"):
        Journal.begin(home / ".local/state/bpfdoctor", Plan(), str(home))
    assert os.listdir(tmp_path) == []
