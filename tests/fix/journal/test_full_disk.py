"""The disk that holds the journal fills up: the run ends in order, and can be taken back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfdoctor.fix.applying.applier import Applied, Applier
from bpfdoctor.fix.journal.read import read_run
from bpfdoctor.fix.journal.undo_plan import undo_plan
from bpfdoctor.fix.journal.write import Finished, Journal
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.hosts import FreshHost
from bpfdoctor.host.machine import Machine


@pytest.fixture
def small(tmp_path: Path, needs: Callable[..., None]) -> Iterator[Path]:
    """A file system of 64 KiB."""
    needs("root", "mount")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def run(applier: Applier, journal: Journal, *steps: Step) -> Applied:
    applied = applier.apply(Plan(steps), journal)
    assert not journal.write(Finished(1))
    return applied


def step(name: str, *argv: str) -> Step:
    return Step(id=name, kind="run", title=name, argv=argv, undo=("true",))


def test_a_step_whose_end_cannot_be_noted_is_the_last(
    applier: Callable[..., Applier], small: Path
) -> None:
    said: list[str] = []
    journal = Journal.begin(small, Plan())
    script = f"head -c 1M /dev/zero > {small}/filling; head -c 9000 /dev/zero | tr '\\0' x"
    applied = run(applier(said), journal, step("a", "sh", "-c", script), step("b", "true"))
    assert [each.step.id for each in applied.done] == ["a"]
    assert [each.id for each in applied.left_out] == ["b"]
    assert any("No space left on device" in line for line in said)
    (small / "filling").unlink()
    (undo,) = undo_plan(read_run(journal.path), FreshHost(Machine())).steps
    assert undo.title == "take back: a"


def test_a_step_that_cannot_be_noted_is_not_begun(
    applier: Callable[..., Applier], small: Path, tmp_path: Path
) -> None:
    journal = Journal.begin(small, Plan())
    argv = ("touch", str(tmp_path / "made"), "x" * 65536)
    assert run(applier(), journal, step("a", *argv)).left_out
    assert not (tmp_path / "made").exists()
