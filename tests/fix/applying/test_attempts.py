"""A command is tried again where the network failed, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfdoctor.fix.applying.attempts import Attempts, Patience
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.plan import Step
from bpfdoctor.host.machine import Machine

LOST = "fatal: early EOF"


def tried(
    tmp_path: Path, script: str, *, kind: str = "submodule", pauses: tuple[float, ...] = (0, 0)
) -> tuple[int, bool, list[str]]:
    """How often a command was run, how it ended, and what was said."""
    said: list[str] = []
    log = tmp_path / "log"
    log.touch()
    machine = Machine(dict(os.environ))
    attempts = Attempts(
        machine, Elevation({}, terminal=False), said.append, Patience(idle=0.3, pauses=pauses)
    )
    argv = ("sh", "-c", f"echo x >> {log}; n=$(grep -c x {log}); {script}")
    ended = attempts.run(Step("a", kind, "a", argv))  # type: ignore[arg-type]
    return log.read_text().count("x"), ended.ok, said


@pytest.mark.parametrize(
    ("script", "times", "ok"),
    [
        (f"echo {LOST}; [ $n = 2 ]", 2, True),
        (f"echo {LOST}; exit 1", 3, False),
        ("echo something else; exit 1", 1, False),
        (f"echo not our ref; echo {LOST}; exit 1", 1, False),
        (f"echo {LOST}; exit 0", 1, True),
        ("[ $n = 2 ] || sleep 9", 2, True),  # silence
        ("[ $n = 2 ] || kill -9 $$", 2, True),
        ("echo not our ref; sleep 9", 1, False),
    ],
)
def test_only_a_network_that_failed_is_tried_again(
    tmp_path: Path, script: str, times: int, ok: bool
) -> None:
    ran, ended_well, said = tried(tmp_path, script)
    assert (ran, ended_well) == (times, ok)
    assert len(said) == times - 1


def test_no_more_is_tried_than_there_are_pauses(tmp_path: Path) -> None:
    assert tried(tmp_path, f"echo {LOST}; exit 1", pauses=())[0] == 1


@pytest.mark.parametrize("kind", ["install", "run", "refresh"])
def test_what_is_not_gits_is_not_tried_again(tmp_path: Path, kind: str) -> None:
    assert tried(tmp_path, f"echo {LOST}; exit 1", kind=kind)[0] == 1


def test_git_asks_nobody_for_a_login(tmp_path: Path) -> None:
    lines: list[str] = []
    machine = Machine({**os.environ, "GIT_ASKPASS": "evil"}, progress=lines.append)
    attempts = Attempts(machine, Elevation({}, terminal=False), print, Patience())
    attempts.run(Step("a", "submodule", "a", ("env",), cwd=str(tmp_path)))
    assert {"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS="} <= set(lines)
    assert "GIT_SSH_COMMAND=ssh -o BatchMode=yes" in lines


def test_a_command_that_cannot_be_started_is_not_taken_for_a_lost_connection() -> None:
    said: list[str] = []
    attempts = Attempts(Machine({}), Elevation({}, terminal=False), said.append, Patience())
    ended = attempts.run(Step("a", "submodule", "a", ("/nowhere/git",)))
    assert (ended.exit_code, said) == (None, [])


def test_a_tree_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    attempts = Attempts(Machine({}), Elevation({}, terminal=False), print, Patience())
    ended = attempts.run(Step("a", "submodule", "a", ("true",), owner_of=str(tmp_path / "x")))
    assert "No such file" in ended.reason
