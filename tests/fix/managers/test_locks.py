"""Who holds a package manager's lock: real locks, also where stat(2) tells another device."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from private_path import real

from bpfdoctor.fix.managers.locks import AskLock, Holder, holder_in
from bpfdoctor.host.machine import Machine


@pytest.fixture
def overlay(tmp_path: Path, needs: Callable[..., None]) -> Iterator[Path]:
    """An overlayfs whose layers lie on file systems of their own, as a container's root does."""
    needs("root", "mount")
    lower, upper, merged = (tmp_path / name for name in ("lower", "upper", "merged"))
    for place in (lower, upper, merged):
        place.mkdir()
    for place in (lower, upper):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    for inner in ("files", "work"):
        (upper / inner).mkdir()
    (lower / "lock").touch()
    layers = f"lowerdir={lower},upperdir={upper}/files,workdir={upper}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, merged], check=True)
    yield merged
    subprocess.run(["umount", merged, upper, lower], check=True)


def held(path: Path) -> Holder:
    answer = AskLock((str(path.parent / "other"), str(path))).put(Machine())
    assert isinstance(answer, Holder)
    return answer


def test_the_holder_is_named_and_nobody_once_it_is_free(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert held(tmp_path / "lock").pid == os.getpid()
    assert held(tmp_path / "lock") == Holder()


@pytest.mark.parametrize("name", ["lock", "new"])
def test_the_holder_is_seen_on_an_overlay(overlay: Path, name: str) -> None:
    with (overlay / name).open("a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert held(overlay / name).pid == os.getpid()
    assert held(overlay / name) == Holder()


HELD = "2: OFDLCK ADVISORY  WRITE 41 00:2e:8 0 EOF"
WAITS = "2: -> POSIX  ADVISORY  WRITE 42 00:2e:7 0 EOF"


@pytest.mark.parametrize(
    ("lines", "pid"),
    [
        ((HELD, WAITS), 0),
        ((WAITS, "3: POSIX  ADVISORY  WRITE 43 00:2e:7 0 EOF"), 43),
        (("3: FLOCK  ADVISORY  READ 43 00:2e:70 0 EOF", "", "x"), 0),
        ((), 0),
    ],
)
def test_who_waits_for_a_lock_is_not_taken_for_its_holder(lines: tuple[str, ...], pid: int) -> None:
    assert holder_in("\n".join(lines), "00:2e:7") == pid


def test_a_real_waiter_is_not_taken_for_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        script = f"import fcntl; fcntl.lockf(open({str(path)!r}, 'w'), fcntl.LOCK_EX)"
        with subprocess.Popen([sys.executable, "-c", script]) as waiter:
            while f"-> POSIX  ADVISORY  WRITE {waiter.pid} " not in Path("/proc/locks").read_text():
                assert waiter.poll() is None
            assert held(path).pid == os.getpid()
            waiter.kill()


def test_a_lock_that_cannot_be_seen_is_held_by_nobody(tmp_path: Path) -> None:
    assert held(tmp_path / "absent") == Holder()


@pytest.mark.parametrize(
    ("text", "pid"),
    [(f"{os.getpid()}\n", os.getpid()), ("", 0), ("x", 0), (f"{2**22 + 1}", 0)],
    ids=["ours", "empty", "no-number", "nobody"],
)
def test_a_pid_file_counts_while_that_process_lives(tmp_path: Path, text: str, pid: int) -> None:
    (tmp_path / "zypp.pid").write_text(text)
    assert held(tmp_path / "zypp.pid").pid == pid
    (tmp_path / "zypp").write_text(text)
    assert held(tmp_path / "zypp") == Holder()


def test_pacmans_lock_counts_by_being_there(tmp_path: Path) -> None:
    """It is a file, and says nothing; a pacman that runs holds it, else a killed one left it."""
    path = tmp_path / "db.lck"
    path.touch()
    assert held(path) == Holder(-1, "pacman", str(path), stale=True)
    assert f"remove it (sudo rm {path})" in held(path).shown()
    (tmp_path / "pacman").symlink_to(real("sleep"))
    with subprocess.Popen([tmp_path / "pacman", "60"]) as process:
        assert held(path) == Holder(process.pid, "pacman", str(path))
        process.kill()


def test_the_holder_is_told_by_name_and_lock(tmp_path: Path) -> None:
    name = Path("/proc/self/comm").read_text().strip()
    (tmp_path / "dnf.pid").write_text(str(os.getpid()))
    assert held(tmp_path / "dnf.pid") == Holder(os.getpid(), name, f"{tmp_path}/dnf.pid")
    with (tmp_path / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert held(tmp_path / "lock") == Holder(os.getpid(), name, f"{tmp_path}/lock")
    assert Holder(7, "", "/lock").shown() == "a process (PID 7), by /lock"
    assert Holder().shown() == "-"


def test_a_pid_file_is_read_to_no_great_length(tmp_path: Path) -> None:
    path = tmp_path / "zypp.pid"
    path.write_text("9" * 10_000)
    assert held(path) == Holder()
    path.write_bytes(b"\xff\n")
    assert held(path) == Holder()
    path.unlink()
    os.mkfifo(path)
    assert held(path) == Holder()


def test_a_lock_of_an_open_file_is_no_processs(tmp_path: Path) -> None:
    """The kernel tells its holder as -1 (fcntl(2), F_OFD_SETLK)."""
    with (tmp_path / "lock").open("w") as lock:
        set_lock = 37  # F_OFD_SETLK of linux/fcntl.h
        request = struct.pack("hhlli", fcntl.F_WRLCK, 0, 0, 0, 0) + bytes(4)
        fcntl.fcntl(lock, set_lock, request)
        assert held(tmp_path / "lock") == Holder(-1, "", f"{tmp_path}/lock")
    assert Holder(-1, "", "/lock").shown() == "a process, by /lock"
