"""What a run did to the running system is taken back while it is there, and by nobody else."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bpfdoctor.fix.applying.applier import Applier
from bpfdoctor.fix.journal.read import JournaledRun, Record, read_run
from bpfdoctor.fix.journal.undo_plan import undo_plan
from bpfdoctor.fix.journal.undo_state import digest_of, gone, mount_at, mounted
from bpfdoctor.fix.journal.write import After, Before, Journal
from bpfdoctor.fix.plan import Manual, Plan, Step
from bpfdoctor.host.hosts import FreshHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.scratch import boot_id
from bpfdoctor.host.system.files import FileText, ReadFile
from bpfdoctor.host.system.mount_table import MOUNT_TABLE
from bpfdoctor.testing import FakeHost

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


def test_the_digest_of_what_is_no_file_or_endless_comes_to_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may lie in a tree of another's: a FIFO would block, a terabyte fill the memory."""
    monkeypatch.setattr("bpfdoctor.fix.journal.undo_state.LARGEST", 1024)
    os.mkfifo(tmp_path / "fifo")
    assert digest_of(str(tmp_path / "fifo")) == ""
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 2 << 40)
    assert digest_of(str(tmp_path / "large")) == hashlib.sha256(bytes(1024)).hexdigest()


TABLE = "1 0 0:2 / /x rw - tmpfs first rw\n23 1 0:27 / /x rw - tmpfs it rw\n"


def told(text: str | None) -> FakeHost:
    answer = FileText(text) if text is not None else NoAnswer("EACCES", "")
    return FakeHost({ReadFile(MOUNT_TABLE): answer, ReadFile("/proc/sys/a/b"): FileText("x=y\n")})


def test_a_mount_is_noted_as_a_journal_of_before_has_it() -> None:
    assert mount_at(told(TABLE), "/x") == "23 0:27 tmpfs it"
    assert mount_at(told(TABLE), "/y") == ""
    assert mount_at(told(None), "/x") == ""


def test_the_mount_of_a_step_is_where_its_undo_says() -> None:
    step = Step("m", "run", "m", ("mount",), why=("k",), undo=("umount", "-l", "/x"))
    assert mounted(told(TABLE), step) == "23 0:27 tmpfs it"
    assert mounted(told(TABLE), replace(step, undo=("rm", "/x"))) == ""
    record = Record(
        Before(step, step.argv, ""), After("m", "done", 0, 0, "", mount="23 0:27 tmpfs it")
    )
    assert not gone(record, boot_id(), told(TABLE))
    assert gone(record, boot_id(), told(""))
    left = gone(replace(record, after=None), boot_id(), told(TABLE))
    assert isinstance(left, Manual)
    assert left.why == ("k",)


@pytest.mark.parametrize(("value", "is_gone"), [("x=y", False), ("x", True)])
def test_a_setting_whose_value_has_an_equals_sign_is_read_whole(value: str, is_gone: bool) -> None:
    step = Step("s", "run", "s", ("sysctl", "-w", f"a.b={value}"), undo=("sysctl",))
    record = Record(Before(step, step.argv, ""), After("s", "done", 0, 0, ""))
    assert gone(record, boot_id(), told("")) == is_gone


def test_what_no_boot_undoes_is_not_gone_with_it() -> None:
    step = Step("s", "repository", "s", ("on",), undo=("off",))
    assert gone(Record(Before(step, step.argv, "")), "another", told("")) is False


def test_a_link_is_taken_back_while_it_leads_where_the_step_had_it_lead(tmp_path: Path) -> None:
    """What else `rm` takes back is a file, of whatever command."""
    place, argv = tmp_path / "link", ("ln", "-s", "there", str(tmp_path / "link"))
    step = Step("l", "run", "l", argv, undo=("rm", "--", str(place)))
    record = Record(Before(step, step.argv, ""), After("l", "done", 0, 0, ""))
    assert gone(record, boot_id(), HOST)
    place.symlink_to("there")
    assert not gone(record, boot_id(), HOST)
    place.unlink()
    place.symlink_to("elsewhere")
    assert gone(record, boot_id(), HOST)
    touched = replace(record, before=replace(record.before, step=replace(step, argv=("touch",))))
    assert not gone(touched, boot_id(), HOST)
