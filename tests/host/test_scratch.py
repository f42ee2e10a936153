"""What killed runs left is removed; whatever is not wholly known for ours stays."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.scratch import (
    MARKER,
    TEXT,
    Scratch,
    boot_id,
    scratch_prefix,
    sweep_scratch,
    temporary_place,
)

OTHER = Credentials(65534, 65534)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def killed(place: Path, then: str = "") -> Path:
    """The scratch of a process that was killed while it worked there."""
    code = f"""
import os, signal, sys
from pathlib import Path
from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.scratch import Scratch
scratch = Scratch({str(place)!r})
(scratch.path / "some/where").mkdir(parents=True)
(scratch.path / "some/where/file").write_text("text")
{then}
print(scratch.path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return Path(ended.stdout.strip())


def test_what_a_killed_run_left_is_removed_at_once(place: Path) -> None:
    left = killed(place)
    assert (left / "some/where/file").exists()
    assert sweep_scratch() == [str(left)]
    assert list(place.iterdir()) == []


def test_the_next_run_removes_it(place: Path) -> None:
    left = killed(place)
    machine = Machine()
    assert machine.scratch.exists()
    assert not left.exists()
    machine.close()


def test_what_was_left_in_the_cache_is_removed_by_the_next_run(place: Path) -> None:
    cache = place / "cache"
    cache.mkdir()
    left = killed(cache)
    machine = Machine(cache=cache)
    assert machine.scratch.exists()
    assert not left.exists()
    machine.close()


def test_what_a_living_run_uses_stays(place: Path) -> None:
    alive = Scratch(place)
    assert sweep_scratch() == []
    assert alive.path.exists()
    assert alive.remove()
    assert list(place.iterdir()) == []


def unlocked(place: Path, name: str = "") -> Path:
    """A directory that has all the marks of a dead run's."""
    directory = place / (name or f"{scratch_prefix()}abcd_123")
    directory.mkdir(mode=0o700)
    marker = directory / MARKER
    marker.write_bytes(TEXT)
    marker.chmod(0o600)
    (directory / "file").touch()
    return directory


def test_a_directory_with_every_mark_is_swept(place: Path) -> None:
    """What the rows below lack, one each."""
    left = unlocked(place)
    assert sweep_scratch() == [str(left)]


NAMES = [
    "bpfdoctor-results-20261127-lab",
    f"bpfdoctor-{boot_id()}-4000000-xyz",
    f"bpfdoctor-{boot_id()}-4000000-abcd_1234",
    f"bpfdoctor-{boot_id()}-4000000-abcd_12.",
    f"bpfdoctor-{boot_id()}-4000000-abcd_123\n",
    f"bpfdoctor-{boot_id()}-0-abcd_123",
    f"bpfdoctor-{boot_id()}x-4000000-abcd_123",
    f"my-bpfdoctor-{boot_id()}-4000000-abcd_123",
    "bpfdoctor-notes",
]


@pytest.mark.parametrize("name", NAMES)
def test_another_name_is_left_alone_whatever_is_inside(place: Path, name: str) -> None:
    left = unlocked(place, name)
    assert sweep_scratch() == []
    assert (left / "file").exists()


def lack_marker(directory: Path) -> None:
    (directory / MARKER).unlink()


def cut_marker(directory: Path) -> None:
    (directory / MARKER).write_bytes(TEXT[:-1])


def add_to_marker(directory: Path) -> None:
    (directory / MARKER).write_bytes(TEXT + b"x")


def link_marker(directory: Path) -> None:
    (directory / MARKER).rename(directory.parent / "elsewhere")
    (directory / MARKER).symlink_to(directory.parent / "elsewhere")


def hard_link_marker(directory: Path) -> None:
    os.link(directory / MARKER, directory.parent / "elsewhere")


def open_marker(directory: Path) -> None:
    (directory / MARKER).chmod(0o644)


def fifo_for_marker(directory: Path) -> None:
    (directory / MARKER).unlink()
    os.mkfifo(directory / MARKER, 0o600)


def open_directory(directory: Path) -> None:
    directory.chmod(0o755)


def link_directory(directory: Path) -> None:
    target = directory.rename(directory.parent / "target")
    directory.symlink_to(target)


LACKS = [
    lack_marker, cut_marker, add_to_marker, link_marker, hard_link_marker, open_marker,
    fifo_for_marker, open_directory, link_directory,
]  # fmt: skip


@pytest.mark.parametrize("lack", LACKS, ids=lambda lack: lack.__name__)
def test_what_lacks_one_mark_is_left_alone(place: Path, lack: Callable[[Path], None]) -> None:
    left = unlocked(place)
    lack(left)
    assert sweep_scratch() == []
    assert (left / "file").exists()


def test_what_is_mounted_over_one_is_left_alone(
    place: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    left = unlocked(place)
    code = (
        "import os; from bpfdoctor.host.scratch import sweep_scratch; "
        f"print(sweep_scratch(), 'file' in os.listdir({str(left)!r}))"
    )
    mounting = (
        f"cp -a {left} {tmp_path}/like && mount -t tmpfs -o mode=0700 none {left} && "
        f'cp -a {tmp_path}/like/. {left} && exec "$@"'
    )
    done = subprocess.run(
        ["unshare", "--mount", "--propagation=private", "sh", "-c", mounting, "sh", sys.executable,
         "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "TMPDIR": str(place)},
    )  # fmt: skip
    assert done.stdout == "[] True\n"


@pytest.mark.parametrize("what", ["directory", "marker"])
def test_what_is_another_users_is_left_alone(
    place: Path, what: str, needs: Callable[..., None]
) -> None:
    needs("root")
    left = unlocked(place)
    os.chown(left if what == "directory" else left / MARKER, OTHER.uid, OTHER.gid)
    assert sweep_scratch() == []
    assert (left / "file").exists()


def test_a_directory_that_is_locked_is_in_use_whatever_its_name_says(place: Path) -> None:
    """A process id says nothing: another PID namespace may share the directory."""
    left = unlocked(place, f"bpfdoctor-{boot_id()}-4000000-abcd_123")
    with (left / MARKER).open("rb+") as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)
        assert sweep_scratch() == []
    assert sweep_scratch() == [str(left)]


def test_a_link_inside_is_removed_and_not_followed(place: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    left = unlocked(place)
    (left / "link").symlink_to(tmp_path / "kept")
    assert sweep_scratch() == [str(left)]
    assert (tmp_path / "kept/file").exists()


@pytest.fixture
def lent(place: Path, needs: Callable[..., None]) -> Iterator[tuple[Scratch, Path]]:
    """A scratch directory in which another user has a directory of his."""
    needs("root")
    for each in (place, *place.parents[:-1]):
        each.chmod(each.stat().st_mode | 0o011)
    scratch = Scratch(place)
    yield scratch, scratch.lend(OTHER)
    scratch.remove()


def test_a_lent_directory_is_the_other_users_and_all_else_is_not(
    lent: tuple[Scratch, Path],
) -> None:
    scratch, theirs = lent
    facts = theirs.stat()
    assert (facts.st_uid, facts.st_gid, facts.st_mode & 0o777) == (OTHER.uid, OTHER.gid, 0o700)
    assert scratch.path.stat().st_mode & 0o777 == 0o711
    assert scratch.lend(OTHER) == theirs
    assert scratch.remove()


def test_what_was_lent_is_swept_too(place: Path, needs: Callable[..., None]) -> None:
    needs("root")
    place.chmod(0o755)
    left = killed(
        place,
        'lent = scratch.lend(Credentials(65534, 65534)); (lent / "a/b").mkdir(parents=True); '
        "os.chown(lent / 'a', 65534, 65534); os.chown(lent / 'a/b', 65534, 65534)",
    )
    assert sweep_scratch() == [str(left)]


def test_what_another_user_moved_into_his_part_is_not_removed_with_roots_rights(
    lent: tuple[Scratch, Path],
) -> None:
    """He owns the directory around it, so he may move it; what is in it is not his to remove."""
    scratch, theirs = lent
    moved = theirs / "moved"
    moved.mkdir(mode=0o755)  # root's, and not empty
    (moved / "file").touch()
    (theirs / "his").touch()
    assert not scratch.remove()
    assert (moved / "file").exists()
    assert not (theirs / "his").exists()


def test_root_makes_nothing_where_another_user_may_put_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: Callable[..., None]
) -> None:
    needs("root")
    os.chown(tmp_path, OTHER.uid, OTHER.gid)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert temporary_place() == "/tmp"
    os.chown(tmp_path, 0, 0)
    assert temporary_place() == str(tmp_path)
    tmp_path.chmod(0o777)
    assert temporary_place() == "/tmp"
    tmp_path.chmod(0o1777)
    assert temporary_place() == str(tmp_path)


@pytest.mark.parametrize(
    ("environ", "usable"),
    [
        ({}, True),
        ({"TMPDIR": "/tmp"}, True),
        ({"TMPDIR": "/proc"}, False),
        ({"TMP": "/proc"}, False),
        ({"TMPDIR": "/tmp", "TMP": "/proc"}, True),  # the first that is set counts
        ({"TMPDIR": "/not/there"}, False),
        ({"TMPDIR": "a\0b"}, False),
    ],
)
def test_a_directory_for_temporary_files_that_breaks_a_build_is_not_hidden(
    environ: dict[str, str], usable: bool
) -> None:
    machine = Machine(environ)
    try:
        assert bool(machine.temporary()) is usable
    finally:
        machine.close()
