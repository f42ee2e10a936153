"""What a run did to the running system is taken back while it is there, and by nobody else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bpfdoctor.fix.applying.applier import Applier
from bpfdoctor.fix.journal.read import JournaledRun, Record, read_run
from bpfdoctor.fix.journal.undo_plan import undo_plan
from bpfdoctor.fix.journal.undo_state import digest_of
from bpfdoctor.fix.journal.write import After, Before, Journal
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.hosts import FreshHost
from bpfdoctor.host.machine import Machine, boot_id

HOST = FreshHost(Machine())


@pytest.fixture
def place(tmp_path: Path, needs: Callable[..., None]) -> Iterator[Path]:
    """A place to mount at."""
    needs("root", "mount")
    target = tmp_path / "place"
    target.mkdir()
    yield target
    subprocess.run(["umount", "-q", target], check=False)


def mount(place: Path) -> Step:
    argv = ("mount", "-t", "tmpfs", "tmpfs", str(place))
    return Step(id="mount", kind="run", title="mount", argv=argv, undo=("umount", str(place)))


def done(applier: Applier, step: Step, tmp_path: Path) -> JournaledRun:
    plan = Plan((step,))
    journal = Journal.begin(tmp_path / "journal", plan)
    assert applier.apply(plan, journal).took
    return read_run(journal.path)


def test_a_mount_is_taken_back_in_the_same_boot_alone(
    applier: Callable[..., Applier], place: Path, tmp_path: Path
) -> None:
    run = done(applier(), mount(place), tmp_path)
    (step,) = undo_plan(run, HOST).steps
    assert step.argv == ("umount", str(place))
    assert undo_plan(replace(run, boot="another"), HOST) == Plan()


def test_a_mount_that_somebody_else_made_since_is_theirs(
    applier: Callable[..., Applier], place: Path, tmp_path: Path
) -> None:
    run = done(applier(), mount(place), tmp_path)
    subprocess.run(["umount", place], check=True)
    assert undo_plan(run, HOST) == Plan()
    for _ in range(2):  # the first of them may be given the id and the device again
        subprocess.run(["mount", "-t", "tmpfs", "theirs", place], check=True)
    assert undo_plan(run, HOST) == Plan()
    subprocess.run(["umount", place], check=True)


def test_a_mount_that_was_cut_off_is_for_a_person(place: Path) -> None:
    step = mount(place)
    run = JournaledRun("r", "", (Record(Before(step, step.argv, "")),), "", boot_id())
    assert undo_plan(run, HOST) == Plan()
    subprocess.run(step.argv, check=True)
    plan = undo_plan(run, HOST)
    assert plan.steps == ()
    assert "it was cut off" in plan.manual[0].text


@pytest.mark.parametrize(
    ("value", "boot", "steps"), [("Linux", "", 1), ("X", "", 0), ("Linux", "x", 0)]
)
def test_a_setting_is_turned_back_while_it_is_as_it_was_left(
    value: str, boot: str, steps: int
) -> None:
    argv, undo = (("sysctl", "-w", f"kernel.ostype={each}") for each in (value, "before"))
    step = Step(id="s", kind="run", title="s", argv=argv, undo=undo)
    record = Record(Before(step, argv, ""), After("s", "done", 0, 0, ""))
    run = JournaledRun("r", "", (record,), "", boot or boot_id())
    assert len(undo_plan(run, HOST).steps) == steps


def test_the_digest_of_what_is_not_there_is_empty(tmp_path: Path) -> None:
    assert digest_of(str(tmp_path / "x")) == ""
