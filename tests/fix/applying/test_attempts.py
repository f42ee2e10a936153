"""A command is tried again where the network failed, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from bpfdoctor.fix.applying import attempts as module
from bpfdoctor.fix.applying.attempts import Attempts, Patience
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.applying.output import Watch
from bpfdoctor.fix.applying.process import StepExit
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
        ("[ $n = 2 ] || { echo Cloning into conflict-test; sleep 9; }", 2, True),
        ("echo conflict; exit 1", 1, False),
        (f"[ $n = 2 ] || {{ echo {LOST}; sleep 9; }}", 2, True),
    ],
)
def test_only_a_network_that_failed_is_tried_again(
    tmp_path: Path, script: str, times: int, ok: bool
) -> None:
    ran, ended_well, said = tried(tmp_path, script)
    assert (ran, ended_well) == (times, ok)
    assert len(said) == times - 1
    assert all("trying again in 0 seconds" in line for line in said)


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
    assert (ended.output, ended.exit_code, ended.cut_off) == ("", None, False)


def test_a_command_runs_where_its_step_says(tmp_path: Path) -> None:
    lines: list[str] = []
    machine = Machine(dict(os.environ), progress=lines.append)
    attempts = Attempts(machine, Elevation({}, terminal=False), print, Patience())
    assert attempts.run(Step("a", "run", "a", ("/bin/pwd",), cwd=str(tmp_path))).ok
    assert lines == [str(tmp_path)]


def test_what_runs_as_the_owner_of_a_tree_has_not_our_home(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    os.chown(tmp_path, 4711, 4711)
    lines: list[str] = []
    machine = Machine({**os.environ, "HOME": "/ours"}, progress=lines.append)
    attempts = Attempts(machine, Elevation({}, terminal=False), print, Patience())
    step = Step("a", "submodule", "a", ("env",), owner_of=str(tmp_path))
    assert attempts.run(step).ok
    assert "HOME=/ours" not in lines
    assert attempts.run(replace(step, owner_of="")).ok
    assert "HOME=/ours" in lines


def watched(step: Step, monkeypatch: pytest.MonkeyPatch) -> tuple[Watch, list[str]]:
    """How a step is watched, without running it: who may signal root's needs another real user."""
    seen, said = list[Watch](), list[str]()

    def run(argv: object, environ: object, watch: Watch, **more: object) -> StepExit:
        seen.append(watch)
        return StepExit(0, "")

    monkeypatch.setattr(module, "run_step", run)
    elevation = Elevation({}, terminal=False)
    Attempts(Machine({}), elevation, said.append, Patience(idle=7)).run(step)
    seen[0].say("heard")
    return seen[0], said


def test_a_package_manager_is_never_ended_and_gits_silence_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manager = Step("a", "install", "a", ("x",), manager="apt")
    watch, said = watched(manager, monkeypatch)
    assert (watch.gently, watch.idle, watch.keep_stdout) == (True, module.LONGEST_SILENCE, False)
    assert said == ["heard"]
    watch, _ = watched(Step("a", "submodule", "a", ("x",), output="f"), monkeypatch)
    assert (watch.gently, watch.idle, watch.keep_stdout) == (False, 7, True)


def test_only_what_is_roots_is_stopped_by_root(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("a", "run", "a", ("x",))
    assert watched(step, monkeypatch)[0].stop is None
    if os.geteuid() == 0:
        assert watched(replace(step, privileged=True), monkeypatch)[0].stop is not None
