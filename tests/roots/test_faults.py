"""What goes wrong with packages, on a real Debian: locks, kills, networks, disks, old compilers."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.roots
DRIVE = Path(__file__).with_name("drive.py")
PYTHON = "/opt/bpfdoctor/bin/python"
NOWHERE = "deb [trusted=yes] http://127.0.0.1:1/debian bookworm main\n"


@pytest.fixture
def bare(make_root: Callable[..., Any]) -> Any:
    """A bare bookworm with the driver."""
    root = make_root("bookworm")
    shutil.copy(DRIVE, root.inside("/opt/drive.py"))
    return root


def drive(root: Any, *arguments: str, user: str = "", **extra: str) -> Any:
    """Run the driver; what it printed, and what it said."""
    ended = root.run(PYTHON, "/opt/drive.py", *arguments, user=user, extra=extra)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout or "{}"), ended.stderr


def journal_of(root: Any, home: str = "/root") -> list[dict[str, Any]]:
    """The lines of the only journal that there is."""
    (path,) = root.inside(f"{home}/.local/state/bpfdoctor").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def when(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """The value of a condition once it holds."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        value = condition()
        if value:
            return value
        pause.wait(0.02)
    raise AssertionError("it did not come to that")


def test_locks_lists_and_unknown_distributions(bare: Any) -> None:
    lock = bare.inside("/var/lib/dpkg/lock-frontend").open("w")
    fcntl.lockf(lock, fcntl.LOCK_EX)
    outcome, said = drive(bare, "apply", "make", LOCK_PATIENCE="0.5")
    lock.close()
    failed = outcome["applied"]["done"][0]
    assert failed["result"] == "failed"
    assert f"(PID {os.getpid()})" in failed["text"]
    assert "waiting for " in said
    assert [step["id"] for step in outcome["applied"]["left_out"]] == ["packages"]

    sources = bare.inside("/etc/apt/sources.list")
    true = sources.read_text()
    sources.write_text(NOWHERE)
    outcome, _ = drive(bare, "apply", "make")
    failed = outcome["applied"]["done"][0]
    assert failed["result"] == "not-taken"
    assert "the network failed" in failed["text"]
    sources.write_text(true)

    release = bare.inside("/etc/os-release")
    release.unlink()
    release.write_text("ID=serenity\nPRETTY_NAME=Serenity\n")
    plan = drive(bare, "plan", "make", "clang>=11")[0]["plan"]
    assert plan["steps"] == []
    assert "GNU make, clang with the BPF back end, version 11" in plan["manual"][0]["text"]
    release.write_text("ID=tuxedo\nID_LIKE='ubuntu debian'\n")
    assert drive(bare, "plan", "make")[0]["plan"]["steps"][-1]["packages"] == ["make"]
    release.write_text("ID=gentoo\n")
    plan = drive(bare, "plan", "make")[0]["plan"]
    assert plan["manual"][0]["text"].startswith("sudo emerge --ask=n --noreplace dev-build/make")


def test_a_full_disk_is_named(bare: Any) -> None:
    bare.must("apt-get", "update")
    archives = bare.inside("/var/cache/apt/archives")
    argv = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(archives)]
    subprocess.run(argv, check=True)
    bare.mounted.append(archives)
    outcome, _ = drive(bare, "apply", "clang")
    failed = outcome["applied"]["done"][-1]
    assert failed["result"] == "failed"
    assert "the disk is full" in failed["text"]


def test_what_a_killed_dpkg_left_is_finished_first(bare: Any) -> None:
    bare.must("apt-get", "update")
    bare.must("sh", "-c", "cd /tmp && apt-get download -q make && dpkg --unpack make_*.deb")
    outcome, _ = drive(bare, "apply", "zlib-headers")
    assert outcome["plan"]["steps"][0]["argv"] == ["dpkg", "--configure", "-a"]
    assert [each["result"] for each in outcome["applied"]["done"]] == ["done", "done"]
    assert bare.must("dpkg", "--audit") == ""


def test_a_newer_compiler_stands_in_for_one_that_is_too_old(bare: Any) -> None:
    bare.must("apt-get", "update")
    plan = drive(bare, "plan", "clang>=16")[0]["plan"]
    (name,) = plan["steps"][-1]["packages"]
    assert name.startswith("clang-")
    assert int(name.removeprefix("clang-")) >= 16
    assert "is too old" in plan["steps"][-1]["notes"][0]


def test_a_killed_run_is_understood_by_the_next_and_by_undo(bare: Any) -> None:
    before = bare.must("dpkg", "-l")
    process = bare.start(PYTHON, "/opt/drive.py", "apply", "make", "zlib-headers")
    state = bare.inside("/root/.local/state/bpfdoctor")
    when(lambda: any('"install"' in p.read_text().split("\n", 2)[-1] for p in state.glob("*.jsonl"))
         and _child_named(process.pid, "apt-get"))  # fmt: skip
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert journal_of(bare)[-1]["event"] == "start"

    outcome, _ = drive(bare, "apply", "make", "zlib-headers")
    assert outcome["applied"]["done"] == [] or outcome["applied"]["done"][-1]["result"] == "done"
    assert bare.must("dpkg", "--audit") == ""
    assert bare.run("/usr/bin/make", "--version").returncode == 0
    while "There is nothing" not in drive(bare, "undo")[1]:
        pass
    assert bare.must("dpkg", "-l") == before


def test_ctrl_c_ends_a_step_cleanly_and_the_journal_says_so(bare: Any) -> None:
    bare.must("apt-get", "update")
    process = bare.start(PYTHON, "/opt/drive.py", "apply", "clang")
    when(lambda: _child_named(process.pid, "apt-get"))
    process.send_signal(signal.SIGINT)
    process.communicate()
    last = journal_of(bare)[-1]
    assert (last["event"], last["result"]) == ("end", "interrupted")
    assert bare.must("dpkg", "--audit") == ""


def _child_named(pid: int, name: str) -> bool:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return any(Path(f"/proc/{c}/comm").read_text().strip() == name for c in children)
    except FileNotFoundError:
        return False


def test_an_ordinary_user_with_sudo_and_without(make_root: Callable[..., Any]) -> None:
    root = make_root("bookworm", ("sudo",))
    shutil.copy(DRIVE, root.inside("/opt/drive.py"))
    root.must("useradd", "-m", "user")
    before = root.must("dpkg", "-l")
    home = {"HOME": "/home/user"}
    ended = root.run(PYTHON, "/opt/drive.py", "apply", "make", user="user", extra=home)
    done = json.loads(ended.stdout)["applied"]["done"]
    assert [each["result"] for each in done] == ["failed"]
    assert "sudo needs a password" in done[0]["text"]

    root.inside("/etc/sudoers.d/user").write_text("user ALL=(ALL) NOPASSWD: ALL\n")
    state = {**home, "XDG_STATE_HOME": "/home/user/second"}
    outcome, _ = drive(root, "apply", "make", user="user", **state)
    assert [each["result"] for each in outcome["applied"]["done"]] == ["done", "done"]
    (journal,) = root.inside("/home/user/second/bpfdoctor").glob("*.jsonl")
    starts = [json.loads(line) for line in journal.read_text().splitlines() if '"start"' in line]
    for start, step in zip(starts, outcome["plan"]["steps"], strict=True):
        assert start["argv"][:2] == ["/usr/bin/sudo", "-n"]
        assert start["argv"][-len(step["argv"]) :] == step["argv"]
    drive(root, "undo", user="user", **state)
    assert root.must("dpkg", "-l") == before
