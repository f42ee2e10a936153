"""Told to stop: nothing is left behind, and the exit status says which signal it was."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from inherited import SHOW, inheriting, kept_from_us

from bpfdoctor.cli import stopping

COMMAND = (sys.executable, "-m", "bpfdoctor")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def pid_from(fifo: Path) -> int:
    """What the tool writes when it runs."""
    reading = os.open(fifo, os.O_RDWR)  # would wait for a writer with O_RDONLY
    ready, _, _ = select.select([reading], [], [], 60)
    assert ready, "the tool was not started"
    data = os.read(reading, 100)
    os.close(reading)
    return int(data)


def hanging_tool(directory: Path, started: Path) -> None:
    """A clang that says (through a FIFO) that it runs, and never ends."""
    os.mkfifo(started)
    tool = directory / "clang"
    tool.write_text(f"#!/bin/sh\necho $$ > '{started}'\nexec sleep 1000\n")
    tool.chmod(0o755)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_the_run_and_all_that_it_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    started, scratch = tmp_path / "started", tmp_path / "tmp"
    scratch.mkdir()
    hanging_tool(tmp_path, started)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(scratch)}
    run = subprocess.Popen(
        [*COMMAND, "check", "--no-smoke", "--only", "toolchain.clang"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    tool = pid_from(started)
    run.send_signal(number)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert (out, err) == (b"", b"")
    assert not psutil.pid_exists(tool)
    assert list(scratch.iterdir()) == []


def test_a_signal_that_our_parent_ignores_is_ignored(tmp_path: Path) -> None:
    started = tmp_path / "started"
    hanging_tool(tmp_path, started)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *COMMAND, "check", "--no-smoke", "--only",
         "toolchain.clang"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    pid_from(started)
    run.send_signal(signal.SIGHUP)
    run.send_signal(signal.SIGTERM)
    assert run.wait(60) == 128 + signal.SIGTERM


def test_a_signal_that_our_parent_blocks_still_ends_the_run(tmp_path: Path) -> None:
    started = tmp_path / "started"
    hanging_tool(tmp_path, started)
    words = (*COMMAND, "check", "--no-smoke", "--only", "toolchain.clang")
    run = subprocess.Popen(
        inheriting(words, blocked=SIGNALS),
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid_from(started)
    run.send_signal(signal.SIGTERM)
    assert run.wait(60) == 128 + signal.SIGTERM


def test_a_tool_ignores_nothing_whatever_our_parent_ignores(tmp_path: Path) -> None:
    tool, shown = tmp_path / "clang", tmp_path / "shown"
    tool.write_text(f"#!/bin/sh\n{' '.join(SHOW)} > '{shown}'\nexit 1\n")
    tool.chmod(0o755)
    words = (*COMMAND, "check", "--no-smoke", "--only", "toolchain.clang")
    subprocess.run(
        inheriting(words, ignored=SIGNALS),
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert kept_from_us(shown.read_text()) == {"SigIgn": set(), "SigBlk": set()}


def test_what_is_started_while_we_clean_up_ignores_nothing() -> None:
    code = f"""
import os, signal, subprocess, sys
from bpfdoctor.cli.stopping import Stopped, stop_on_signals
stop_on_signals()
try:
    os.kill(os.getpid(), signal.SIGHUP)
except Stopped:
    os.kill(os.getpid(), signal.SIGTERM)
    subprocess.run({SHOW!r})
    sys.stdout.flush()
    os._exit(7)
"""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 7, ended.stderr
    assert kept_from_us(ended.stdout) == {"SigIgn": set(), "SigBlk": set()}


def test_a_signal_while_modules_are_loaded_finds_nothing_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The module that runs commands may be there in part: it has started nothing."""
    monkeypatch.setitem(sys.modules, "bpfdoctor.host.process", ModuleType("half"))
    stopping.kill_commands()
    stopping.end_commands(0)
