"""What a tool says of a limit is about the machine, not about the tool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfdoctor.cli.self_command import own_command
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.commands import Completed, RunCommand

SAID = {
    "make: vfork: Resource temporarily unavailable": "EAGAIN",
    "error: cannot open x.o: Too many open files": "EMFILE",
    "fatal: cannot write: No space left on device": "ENOSPC",
    "cc: internal compiler error: CPU time limit exceeded signal terminated program": "SIGXCPU",
    "cc: fatal error: Killed signal terminated program cc1": "SIGKILL",
    "make: *** [Makefile:1: all] Killed": "SIGKILL",
}


@pytest.mark.parametrize(("text", "reason"), SAID.items())
def test_a_command_that_a_limit_stopped_has_not_answered(
    text: str, reason: str, live: LiveHost
) -> None:
    answer = live.ask(RunCommand(("sh", "-c", f"echo '{text}' >&2; exit 2")))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == reason


@pytest.mark.parametrize(
    ("name", "reason"), [("XCPU", "SIGXCPU"), ("XFSZ", "EFBIG"), ("KILL", "SIGKILL")]
)
def test_a_signal_that_a_limit_sends_says_nothing_of_the_command(
    name: str, reason: str, live: LiveHost
) -> None:
    answer = live.ask(RunCommand(("sh", "-c", f"kill -{name} $$")))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == reason


def test_any_other_signal_is_how_it_ended(live: LiveHost) -> None:
    answer = live.ask(RunCommand(("sh", "-c", "kill -TERM $$")))
    assert isinstance(answer, Completed)
    assert answer.signal == "SIGTERM"


def test_where_memory_runs_out_a_command_is_killed_before_us(live: LiveHost) -> None:
    wait = "until [ $(cat /proc/self/oom_score_adj) -ge 500 ]; do :; done"
    assert live.ask(RunCommand(("sh", "-c", wait))) == Completed(0, "", "")


def test_dev_null_that_was_only_executed_is_no_limit(live: LiveHost) -> None:
    answer = live.ask(RunCommand(("/dev/null",)))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "EACCES"


@pytest.mark.parametrize("script", ["echo 'Too many open files' >&2", "echo 'no rule' >&2; exit 2"])
def test_one_that_ended_well_or_failed_by_itself_has(script: str, live: LiveHost) -> None:
    assert isinstance(live.ask(RunCommand(("sh", "-c", script))), Completed)


def test_our_own_command_is_known_without_a_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["bpfdoctor"])
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    os.rmdir(tmp_path / "gone")
    assert own_command()[1:] == ("-I", "-m", "bpfdoctor")
