"""Small limits of the machine, and directories that go away: each is named, none is our error."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "bpfdoctor")
PROJECT = ("--project", "libbpf-bootstrap")
CHECK = ("check", "--no-smoke", "--no-cache")
Completed = subprocess.CompletedProcess[str]
MIB = 1 << 20
OURS = ("please report", "traceback", "broke")
NOBODY_ELSE = "61234"
"""A user that runs nothing: the limit of processes counts all that a user has."""


def limited(kind: int, value: int, arguments: Sequence[str], cwd: Path) -> Completed:
    """The real command, under one limit."""
    return subprocess.run(
        [*COMMAND, *arguments],
        preexec_fn=lambda: resource.setrlimit(kind, (value, value)),
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=120,
    )


TOO_LITTLE = {
    "files": (resource.RLIMIT_NOFILE, 20, "the limit of open files (ulimit -n) is 20"),
    "files, fewest": (resource.RLIMIT_NOFILE, 6, "the limit of open files (ulimit -n) is 6"),
    "one file too few": (resource.RLIMIT_NOFILE, 31, "the limit of open files (ulimit -n) is 31"),
    "memory": (resource.RLIMIT_AS, 600 * MIB, "(ulimit -v) is 614,400 KiB"),
    "memory, least": (resource.RLIMIT_AS, 60 * MIB, "(ulimit -v) is 61,440 KiB"),
    "data": (resource.RLIMIT_DATA, 600 * MIB, "(ulimit -d) is 614,400 KiB"),
    "file size": (resource.RLIMIT_FSIZE, MIB, "the limit of file size (ulimit -f) is 1,024 KiB"),
}


@pytest.mark.parametrize(("kind", "value", "said"), TOO_LITTLE.values(), ids=list(TOO_LITTLE))
def test_a_limit_too_small_for_a_run_is_named_and_is_no_error_of_ours(
    kind: int, value: int, said: str, tmp_path: Path
) -> None:
    run = limited(kind, value, CHECK, tmp_path)
    assert (run.returncode, run.stdout) == (3, "")
    assert said in run.stderr
    assert not [word for word in OURS if word in run.stderr.lower()]


def test_a_limit_is_told_as_a_document_too(tmp_path: Path) -> None:
    run = limited(resource.RLIMIT_NOFILE, 20, (*CHECK, "--json"), tmp_path)
    trouble = json.loads(run.stdout)["error"]
    assert (run.returncode, trouble["kind"]) == (3, "limit")
    assert trouble["message"] == "too many open files: the limit of open files (ulimit -n) is 20"


@pytest.mark.parametrize(
    ("kind", "value"),
    [(resource.RLIMIT_NOFILE, 32), (resource.RLIMIT_AS, 1024 * MIB)],
    ids=["files", "memory"],
)
def test_with_just_enough_nothing_is_unknown_for_want_of_it(
    kind: int, value: int, tmp_path: Path
) -> None:
    run = limited(kind, value, (*CHECK, "--json"), tmp_path)
    unlimited = subprocess.run(
        [*COMMAND, *CHECK, "--json"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    here, there = (
        {f"{each['id']}[{each['about']}]": each["status"] for each in json.loads(out)["findings"]}
        for out in (run.stdout, unlimited.stdout)
    )
    assert here == there


def test_what_asks_nothing_of_the_machine_has_no_use_for_more(tmp_path: Path) -> None:
    run = limited(resource.RLIMIT_NOFILE, 20, ("explain", "kernel.btf"), tmp_path)
    assert (run.returncode, run.stderr) == (0, "")


def as_user_with_processes(most: int, arguments: Sequence[str], cwd: Path) -> Completed:
    """The real command as an ordinary user (root is exempt), who may read what root may."""
    user = ("--reuid", NOBODY_ELSE, "--regid", NOBODY_ELSE, "--clear-groups")
    reads = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
    limit = ("prlimit", f"--nproc={most}", "--")
    return subprocess.run(
        ["setpriv", *user, *reads, "--", *limit, *COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=300,
    )


@pytest.mark.parametrize("most", [1, 2, 4])
def test_too_few_processes_are_unknown_by_name_and_never_a_failure(
    most: int, needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("root", "setpriv", "prlimit")
    tmp_path.chmod(0o755)
    only = ("--only", "toolchain.cc", "--only", "toolchain.make", *PROJECT)
    run = as_user_with_processes(most, (*CHECK, *only), Path("/"))
    assert run.returncode == 3
    assert f"the limit of processes (ulimit -u) is {most}" in run.stdout + run.stderr
    assert not [word for word in OURS if word in (run.stdout + run.stderr).lower()]


def python(script: str, cwd: Path) -> Completed:
    return subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False, cwd=cwd
    )


def raising(error: str) -> str:
    return (
        "import errno, sys\nimport bpfdoctor.cli.examine as cli\nfrom bpfdoctor.cli import main\n"
        f"def broken(*given): raise {error}\n"
        "cli.examine = broken\nsys.exit(main(['check', '--no-smoke', '--json']))"
    )


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ("OSError(errno.EMFILE, 'x')", 3, "limit"),
        ("OSError(errno.ENFILE, 'x')", 3, "limit"),
        ("BlockingIOError(errno.EAGAIN, 'x')", 3, "limit"),
        ("OSError(errno.ENOSPC, 'x')", 3, "limit"),
        ("MemoryError", 3, "limit"),
        ('RuntimeError("can\'t start new thread")', 3, "limit"),
        ("ImportError('libx.so: failed to map segment from shared object')", 3, "limit"),
        ("KeyError('x') from OSError(errno.EMFILE, 'x')", 3, "limit"),
        ("OSError(errno.ENOENT, 'x')", 5, "internal"),
        ("OSError(errno.EIO, 'x')", 5, "internal"),
        ("RuntimeError('dictionary changed size during iteration')", 5, "internal"),
        ("ImportError('cannot import name x')", 5, "internal"),
    ],
)
def test_a_limit_of_the_machine_is_no_error_of_ours_and_an_error_of_ours_is_no_limit(
    error: str, status: int, kind: str, tmp_path: Path
) -> None:
    run = python(raising(error), tmp_path)
    assert run.returncode == status
    assert json.loads(run.stdout)["error"]["kind"] == kind
    assert ("please report" in run.stderr.lower()) is (status == 5)


def test_no_command_is_left_running_when_a_run_ends_for_want_of_something(tmp_path: Path) -> None:
    script = (
        "import errno, os, sys, threading, time\nimport bpfdoctor.cli.examine as cli\n"
        "from bpfdoctor.cli import main\nfrom bpfdoctor.host.machine import Machine\n"
        "started = threading.Event()\n"
        "def hang(): Machine().run(['sh', '-c', 'echo $$ > pid; exec sleep 300'], timeout=300)\n"
        "def broken(*given):\n"
        "    threading.Thread(target=hang, daemon=True).start()\n"
        "    while not (os.path.exists('pid') and os.path.getsize('pid')): time.sleep(0.01)\n"
        "    raise OSError(errno.EMFILE, 'x')\n"
        "cli.examine = broken\nos._exit(main(['check', '--no-smoke']))"
    )
    run = python(script, tmp_path)
    assert run.returncode == 3
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid: int) -> bool:
    """The process has ended, or does so at once."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
    return False


@pytest.mark.parametrize("place", ["not/there", "full"])
def test_a_directory_for_temporary_files_that_cannot_be_used_is_no_error_of_ours(
    place: str, tmp_path: Path
) -> None:
    environ = {**os.environ, "TMPDIR": "/proc" if place == "full" else str(tmp_path / place)}
    run = subprocess.run(
        [*COMMAND, *CHECK, "--only", "toolchain.cc", *PROJECT],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == (1 if place == "full" else 0)
    assert ("TMPDIR=/proc breaks the build" in run.stdout) is (place == "full")
    assert not [word for word in OURS if word in (run.stdout + run.stderr).lower()]


COMMANDS = [("check", "--no-smoke"), ("check",), ("smoke",), ("programs",), ("fix", "--dry-run")]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_current_directory_that_is_gone_is_said(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    line = 'cd gone && rmdir ../gone && exec "$@"'
    run = subprocess.run(
        ["sh", "-c", line, "sh", *COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "the current directory does not exist any more" in run.stderr


@pytest.mark.parametrize("question", [3, 20, 60])
@pytest.mark.parametrize("removed", ["", "examples", "examples/c/Makefile", "libbpf"])
def test_what_vanishes_while_it_is_checked_is_no_error_of_ours(
    question: int, removed: str, tmp_path: Path
) -> None:
    """The host removes it before the question of that number; the command is the real one."""
    checkout = tmp_path / "checkout"
    for name in ("examples/c", "libbpf/src", "bpftool", "vmlinux.h/include/x86"):
        (checkout / name).mkdir(parents=True)
    (checkout / "examples/c/Makefile").write_text("APPS = minimal bootstrap\n")
    script = (
        "import os, sys\nfrom bpfdoctor.host.hosts import LiveHost\n"
        "asked, real = [], LiveHost.ask\n"
        "def ask(self, question):\n"
        "    asked.append(question)\n"
        f"    if len(asked) == {question}: \n"
        f"        os.system('rm -rf {checkout / removed}')\n"
        "    return real(self, question)\n"
        "LiveHost.ask = ask\nfrom bpfdoctor.cli import main\n"
        "status = main(['check', '--no-smoke', '--no-cache', '--only', 'checkout'])\n"
        "sys.stderr.flush(); os._exit(status)"
    )
    run = python(script, checkout)
    assert run.returncode in (0, 1, 2, 3)
    if not removed:
        assert run.returncode == 2
        assert "the current directory was moved or removed while" in run.stderr
    assert not [word for word in OURS if word in (run.stdout + run.stderr).lower()]
