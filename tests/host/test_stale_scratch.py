"""What killed runs left is removed; what is alive, young or somebody else's stays."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from bpfdoctor.host.stale_scratch import STALE, sweep_scratch


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def dead_pid() -> int:
    """The id of a process that has just ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def left(place: Path, pid: int, *, old: bool = True) -> Path:
    directory = place / f"bpfdoctor-0badcafe-{pid}-xyz"
    (directory / "inside").mkdir(parents=True)
    if old:
        before = directory.stat().st_mtime - STALE - 60
        os.utime(directory, (before, before))
    return directory


def test_what_a_dead_run_left_is_removed(place: Path) -> None:
    stale = left(place, dead_pid())
    assert sweep_scratch() == [str(stale)]
    assert not stale.exists()


def test_what_a_living_run_uses_stays(place: Path) -> None:
    alive = left(place, os.getpid())
    assert sweep_scratch() == []
    assert alive.exists()


def test_what_is_young_stays_for_its_run_may_live_in_another_pid_namespace(place: Path) -> None:
    young = left(place, dead_pid(), old=False)
    assert sweep_scratch() == []
    assert young.exists()


def test_a_link_and_other_names_are_left_alone(place: Path) -> None:
    (place / "target").mkdir()
    (place / f"bpfdoctor-0badcafe-{dead_pid()}-link").symlink_to(place / "target")
    (place / "bpfdoctor-notes").mkdir()
    sweep_scratch()
    assert (place / "target").exists()
    assert (place / "bpfdoctor-notes").exists()
