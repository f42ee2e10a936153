"""What goes wrong with packages, on a real Debian: locks, kills, networks, disks, old compilers."""

from __future__ import annotations

import fcntl
import json
import os
import re
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
    assert outcome["applied"]["done"] == []
    assert re.search(rf"apt is locked by \S+ \(PID {os.getpid()}\)", said)
    assert "waiting for " in said
    assert [step["id"] for step in outcome["applied"]["left_out"]] == ["refresh", "packages"]
    assert journal_of(bare)[-1]["reason"].startswith("apt is locked by ")

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
    text = "install by hand:\n  emerge --ask=n --noreplace dev-build/make\n"
    assert plan["manual"][0]["text"].startswith(text)


def test_old_lists_are_refreshed_once_also_where_the_mirror_has_no_news(bare: Any) -> None:
    bare.must("apt-get", "update")
    for path in ("lists", "lists/*", "lists/partial"):
        bare.must("sh", "-c", f"touch -d '5 days ago' /var/lib/apt/{path}")
    outcome, _ = drive(bare, "apply", "make")
    assert [step["id"] for step in outcome["plan"]["steps"]] == ["refresh", "packages"]
    assert [each["result"] for each in outcome["applied"]["done"]] == ["done", "done"]
    outcome, _ = drive(bare, "plan", "zlib-headers")
    assert [step["id"] for step in outcome["plan"]["steps"]] == ["packages"]


def test_a_manager_that_lies_is_not_believed(bare: Any) -> None:
    bare.must("apt-get", "update")
    bare.inside("/etc/apt/apt.conf.d/liar").write_text('APT::Get::Simulate "true";\n')
    outcome, _ = drive(bare, "apply", "make")
    (last,) = outcome["applied"]["done"]
    assert last["result"] == "not-taken"
    assert "not there afterwards: make" in last["text"]


def package_of_mine(root: Any, *fields: str) -> str:
    """A real package called `mine`, with these fields; its path in the root."""
    place = root.inside("/tmp/mine")
    (place / "DEBIAN").mkdir(parents=True)
    lines = ("Package: mine", "Version: 1", "Architecture: all", "Maintainer: x", "Description: x")
    (place / "DEBIAN/control").write_text("\n".join((*lines, *fields, "")))
    root.must("dpkg-deb", "-b", "/tmp/mine", "/tmp/mine.deb")
    return "/tmp/mine.deb"


def test_what_the_user_has_is_not_removed_for_what_is_installed(bare: Any) -> None:
    bare.must("apt-get", "update")
    bare.must("dpkg", "-i", package_of_mine(bare, "Conflicts: zlib1g-dev"))
    before = bare.must("dpkg", "-l")
    outcome, _ = drive(bare, "apply", "zlib-headers")
    (last,) = outcome["applied"]["done"]
    assert last["result"] == "failed"
    assert "it would remove packages that are installed" in last["text"]
    assert bare.must("dpkg", "-l") == before


def test_what_somebody_else_needs_stays_and_so_do_dpkgs_selections(bare: Any) -> None:
    bare.must("apt-get", "update")
    drive(bare, "apply", "zlib-headers")
    bare.must("dpkg", "-i", package_of_mine(bare, "Depends: zlib1g-dev"))
    before = bare.must("dpkg", "-l"), bare.must("dpkg", "--get-selections")
    ended = bare.run(PYTHON, "/opt/drive.py", "undo")
    assert ended.returncode == 4
    assert "mine depends on zlib1g-dev" in ended.stderr
    assert (bare.must("dpkg", "-l"), bare.must("dpkg", "--get-selections")) == before


def test_settings_that_were_left_of_a_package_stay(bare: Any) -> None:
    """zlib1g-dev was removed, its settings not; it needs libc6-dev, which is new."""
    bare.must("apt-get", "update")
    script = """
        cd /tmp && apt-get download -q zlib1g-dev && dpkg-deb -R zlib1g-dev_*.deb tree
        mkdir tree/etc && echo mine > tree/etc/zlib.conf
        echo /etc/zlib.conf > tree/DEBIAN/conffiles
        dpkg-deb -b tree again.deb && dpkg --unpack again.deb
        dpkg --force-depends --configure zlib1g-dev && dpkg --remove zlib1g-dev
    """
    bare.must("sh", "-ec", script)
    before = bare.must("dpkg", "-l")
    assert "\nrc  zlib1g-dev" in before
    outcome, _ = drive(bare, "apply", "zlib-headers")
    assert outcome["applied"]["done"][-1]["result"] == "done"
    drive(bare, "undo")
    assert bare.must("dpkg", "-l") == before
    assert bare.inside("/etc/zlib.conf").read_text() == "mine\n"
    assert "There is nothing" in drive(bare, "undo")[1]


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
    before = installed(bare)
    killed_while_installing(bare, "make", "zlib-headers")
    journal = journal_of(bare)
    assert journal[-1]["event"] == "start"
    assert {"make", "zlib1g-dev", "libc6-dev"} <= set(journal[-1]["intended"])

    bare.must("apt-get", "install", "-y", "-o", "DPkg::Lock::Timeout=120", "hello")
    outcome, _ = drive(bare, "apply", "make", "zlib-headers")
    assert outcome["applied"]["done"] == [] or outcome["applied"]["done"][-1]["result"] == "done"
    assert bare.must("dpkg", "--audit") == ""
    assert bare.run("/usr/bin/make", "--version").returncode == 0
    while "There is nothing" not in drive(bare, "undo")[1]:
        pass
    assert installed(bare) == before | {"hello"}


def test_what_a_killed_run_did_not_come_to_install_is_not_its_own(bare: Any) -> None:
    """apt is killed as well; then the user installs the same by hand."""
    bare.must("apt-get", "update")
    before = installed(bare)
    killed_while_installing(bare, "make", "zlib-headers", with_apt=True)
    drive(bare, "apply", "zlib-headers")
    bare.must("apt-get", "install", "-y", "make")
    while "There is nothing" not in drive(bare, "undo")[1]:
        pass
    assert installed(bare) == before | {"make"}


def test_undo_waits_for_a_manager_that_is_at_work(bare: Any) -> None:
    bare.must("apt-get", "update")
    drive(bare, "apply", "make")
    with bare.inside("/var/lib/dpkg/lock-frontend").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        argv = (PYTHON, "/opt/drive.py", "undo")
        ended = bare.run(*argv, extra={"LOCK_PATIENCE": "0.5"})
    assert ended.returncode == 1
    assert re.search(rf"apt is locked by \S+ \(PID {os.getpid()}\)", ended.stderr)
    assert "make" in installed(bare)


def installed(root: Any) -> set[str]:
    """The packages whose state is `installed`, and nothing is in any other."""
    lines = root.must("dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n").splitlines()
    assert {line.split()[1] for line in lines} == {"ii"}
    return {line.split()[0] for line in lines}


def installing(root: Any, pid: int) -> int:
    """The PID of apt, once the journal says that the process `pid` has begun to install."""
    state = root.inside("/root/.local/state/bpfdoctor")

    def begun() -> bool:
        last = "".join(path.read_text() for path in state.glob("*.jsonl")).splitlines()[-1:]
        return any('"event":"start"' in line and '"kind":"install"' in line for line in last)

    when(begun)
    return int(when(lambda: _child_named(pid, "apt-get")))


def killed_while_installing(root: Any, *capabilities: str, with_apt: bool = False) -> None:
    """Apply, and kill it while apt is at work; where apt lives on, it comes to its end."""
    process = root.start(PYTHON, "/opt/drive.py", "apply", *capabilities)
    child = installing(root, process.pid)
    process.send_signal(signal.SIGKILL)
    if with_apt:
        os.kill(child, signal.SIGKILL)
    process.communicate()


def test_ctrl_c_ends_a_step_cleanly_and_the_journal_says_so(bare: Any) -> None:
    bare.must("apt-get", "update")
    process = bare.start(PYTHON, "/opt/drive.py", "apply", "clang")
    installing(bare, process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate()
    last = journal_of(bare)[-1]
    assert (last["event"], last["result"], last["added"]) == ("end", "interrupted", None)
    assert bare.must("dpkg", "--audit") == ""


def _child_named(pid: int, name: str) -> int:
    """The PID of a child of that name; 0 while there is none."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        names = {Path(f"/proc/{child}/comm").read_text().strip(): int(child) for child in children}
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return names.get(name, 0)


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
