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


SWITCH = "/sys/kernel/tracing/tracing_on"


@pytest.mark.parametrize(
    ("boot", "said", "is_gone"),
    [
        (boot_id(), FileText("1\n"), False),
        (boot_id(), FileText("0\n"), True),  # somebody else turned it off since
        (boot_id(), NoAnswer("EACCES"), False),
        ("another", FileText("1\n"), True),
    ],
)
def test_a_switch_of_the_kernel_is_turned_back_while_it_is_as_it_was_left(
    boot: str, said: FileText | NoAnswer, is_gone: bool
) -> None:
    argv, undo = (("sh", "-c", f"echo {value} > {SWITCH}") for value in (1, 0))
    step = Step("s", "run", "s", argv, undo=undo)
    record = Record(Before(step, argv, ""), After("s", "done", 0, 0, ""))
    assert gone(record, boot, FakeHost({ReadFile(SWITCH): said})) is is_gone


def command(tmp_path: Path, *argv: str, undo: tuple[str, ...]) -> Step:
    return Step(id=argv[0], kind="run", title="x", argv=argv, cwd=str(tmp_path), undo=undo)


def aside(tmp_path: Path) -> Step:
    place, kept = str(tmp_path / "file"), str(tmp_path / "file.aside")
    undo = ("mv", "-nT", "--", kept, place)
    return command(tmp_path, "mv", "-nT", "--", place, kept, undo=undo)


def written(tmp_path: Path) -> Step:
    output = str(tmp_path / "file")
    return Step("w", "run", "x", ("echo", "new"), output=output, undo=("rm", "--", output))


@pytest.mark.parametrize("changed", [False, True])
def test_what_was_set_aside_comes_back_where_nothing_of_others_lies(
    applier: Callable[..., Applier], tmp_path: Path, changed: bool
) -> None:
    place = tmp_path / "file"
    place.write_text("old")
    plan = Plan((aside(tmp_path), written(tmp_path)))
    journal = Journal.begin(tmp_path / "journal", plan)
    assert applier().apply(plan, journal).took
    assert (place.read_text(), (tmp_path / "file.aside").read_text()) == ("new\n", "old")
    if changed:
        place.write_text("somebody's")
    back = undo_plan(read_run(journal.path), HOST)
    assert len(back.manual) == (2 if changed else 0)
    for step in back.steps:
        subprocess.run(step.argv, check=True)
    assert place.read_text() == ("somebody's" if changed else "old")
    assert (tmp_path / "file.aside").exists() == changed


@pytest.mark.parametrize(("now", "steps"), [("there", 1), ("gone", 0), ("other", 0), ("file", 0)])
def test_a_link_is_taken_away_while_it_is_ours(
    applier: Callable[..., Applier], tmp_path: Path, now: str, steps: int
) -> None:
    link = tmp_path / "link"
    made = command(tmp_path, "ln", "-sT", "--", "to", str(link), undo=("rm", "--", str(link)))
    run = done(applier(), made, tmp_path)
    if now != "there":
        link.unlink()
    if now == "other":
        link.symlink_to("elsewhere")
    if now == "file":
        link.write_text("mine")
    assert len(undo_plan(run, HOST).steps) == steps


def test_what_is_gone_from_aside_or_was_a_directory_needs_no_step(
    applier: Callable[..., Applier], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("old")
    kept = done(applier(), aside(tmp_path), tmp_path)
    (tmp_path / "file.aside").unlink()
    assert undo_plan(kept, HOST) == Plan()
    place = str(tmp_path / "made")
    made = done(applier(), command(tmp_path, "mkdir", place, undo=("rmdir", place)), tmp_path)
    assert len(undo_plan(made, HOST).steps) == 1
    (tmp_path / "made").rmdir()
    assert undo_plan(made, HOST) == Plan()
