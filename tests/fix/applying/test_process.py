"""A command is streamed, given up when it falls silent, and stopped gently: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.cli.stopping import PATIENCE
from bpfdoctor.fix.applying.output import Watch
from bpfdoctor.fix.applying.process import STOPPED, Grace, run_step

ENVIRON = {"PATH": "/usr/bin:/bin"}


def test_lines_come_as_they_are_printed_and_the_exit_code_with_them() -> None:
    lines: list[str] = []
    outcome = run_step(["sh", "-c", "echo one; echo two >&2; exit 7"], ENVIRON, Watch(lines.append))
    assert sorted(lines) == ["one", "two"]
    assert (outcome.exit_code, outcome.ok) == (7, False)


def test_a_managers_output_comes_through_a_file() -> None:
    lines: list[str] = []
    watch = Watch(lines.append, gently=True)
    outcome = run_step(["sh", "-c", "ls -l /proc/self/fd/1; echo end"], ENVIRON, watch)
    assert "(deleted)" in lines[0]
    assert outcome.output.endswith("end\n")


def test_standard_output_is_kept_apart_where_it_becomes_a_file() -> None:
    watch = Watch(lambda line: None, keep_stdout=True)
    outcome = run_step(["sh", "-c", "printf '\\377data'; echo said >&2"], ENVIRON, watch)
    assert outcome.stdout == b"\xffdata"
    assert outcome.output == "said\n"


@pytest.mark.parametrize("gently", [False, True])
def test_a_silent_command_is_given_up(gently: bool) -> None:
    watch = Watch(lambda line: None, idle=0.3, gently=gently)
    outcome = run_step(["sleep", "600"], ENVIRON, watch)
    assert outcome.exit_code is None
    assert "printed nothing" in outcome.reason
    assert outcome.cut_off


def test_a_command_that_is_not_there_is_an_outcome(tmp_path: Path) -> None:
    outcome = run_step([str(tmp_path / "absent")], ENVIRON, Watch(lambda line: None))
    assert (outcome.exit_code, outcome.ok, outcome.cut_off) == (None, False, False)
    assert "No such file" in outcome.reason


def test_only_the_end_of_much_output_is_kept() -> None:
    script = "head -c 9000000 /dev/zero | tr '\\0' x; echo; echo last"
    outcome = run_step(["sh", "-c", script], ENVIRON, Watch(lambda line: None))
    assert len(outcome.output) <= 1 << 18
    assert outcome.output.endswith("last\n")


@pytest.mark.usefixtures("interruptible")
def test_what_stops_us_stops_the_command_with_all_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {note}; echo ready; wait"

    def interrupt(line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_step(["sh", "-c", script], ENVIRON, Watch(interrupt))
    assert _ended(int(note.read_text()))


@pytest.mark.usefixtures("interruptible")
def test_a_manager_alone_is_told_to_stop_and_what_it_started_may_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As apt does: it lets the dpkg that it started come to its end."""
    monkeypatch.setattr("bpfdoctor.fix.applying.process.STOPPED", Grace(60, 0, 0))
    note = tmp_path / "finished"
    script = f"trap 'wait; exit 3' INT; (echo ready; sleep 0.5; touch {note}) & wait"

    def interrupt(line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_step(["bash", "-c", script], ENVIRON, Watch(interrupt, gently=True))
    assert note.exists()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.filterwarnings("ignore:subprocess [0-9]+ is still running:ResourceWarning")
def test_a_manager_that_needs_longer_is_left_to_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once, and no other signal ends it: dpkg would leave packages half installed."""
    monkeypatch.setattr("bpfdoctor.fix.applying.process.STOPPED", Grace(0.2, 0, 0))
    go_on, note, said = tmp_path / "go-on", tmp_path / "finished", list[str]()
    os.mkfifo(go_on)
    script = f"trap : INT; trap 'exit 9' TERM; echo ready; until read x < {go_on}; do :; done"

    def interrupt(line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    watch = Watch(interrupt, gently=True, say=said.append)
    with pytest.raises(KeyboardInterrupt):
        run_step(["bash", "-c", f"{script}; mkfifo {note}; echo x > {note}"], ENVIRON, watch)
    assert "is still at work, and is left to finish" in said[0]
    go_on.write_text("x\n")
    assert _appears(note)
    assert note.read_text() == "x\n"


def test_a_manager_runs_where_no_file_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, "/proc")
    monkeypatch.setattr("tempfile.tempdir", "/proc")
    outcome = run_step(["echo", "text"], ENVIRON, Watch(lambda line: None, gently=True))
    assert (outcome.ok, outcome.output) == (True, "text\n")


def _appears(path: Path) -> bool:
    pause = threading.Event()
    return any(path.exists() or pause.wait(0.02) for _ in range(500))


def _ended(pid: int) -> bool:
    end = time.monotonic() + 5
    pause = threading.Event()
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        pause.wait(0.02)
    return False


def test_the_owner_of_a_tree_does_not_get_the_groups_of_root(needs: Callable[..., None]) -> None:
    needs("root")
    code = (
        "import os, sys; os.setgroups([0, 6]); "
        "from bpfdoctor.fix.applying.output import Watch; "
        "from bpfdoctor.fix.applying.process import run_step; "
        "from bpfdoctor.host.process import Credentials; "
        "told = run_step(['id', '-G'], {'PATH': '/usr/bin:/bin'}, Watch(print), "
        "identity=Credentials(4711, 4712))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "4712\n"


def test_a_command_that_will_not_end_keeps_nobody_longer_than_a_second_and_a_half() -> None:
    patience = STOPPED.interrupted + STOPPED.terminated + 2 * STOPPED.children
    assert patience < PATIENCE, "the process would end before the journal is closed"
