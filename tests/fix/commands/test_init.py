"""`init` clones with real git; what it did is one run, which undo can name."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from manager_says import ManagerHost

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.commands.fix import CheckRequest
from bpfdoctor.fix.commands.init import init_plan, run_init
from bpfdoctor.fix.commands.options import FixOptions, Voice
from bpfdoctor.fix.managers.apt import LISTS
from bpfdoctor.fix.plan import Plan
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import HostFacts, ProjectFacts, Readiness, Report, Tool, Verdict
from bpfdoctor.testing import FakeHost


class Init:
    """Runs `init`; what it wrote, what it said, and where it keeps its journal."""

    def __init__(self, home: Path, url: str) -> None:
        self.place, self.url = home / "new", url
        self.machine = Machine({**os.environ, "HOME": str(home), "XDG_STATE_HOME": ""})
        self.state = home / ".local/state/bpfdoctor"
        self.written: list[str] = []
        self.said: list[str] = []
        self.plans: list[tuple[Plan, bool]] = []

    def run(self, *, yes: bool = False, dry_run: bool = False) -> int:
        say = self.said.append
        voice = Voice(self.written.append, say, lambda question: None, False, self.show)
        given = FixOptions(yes=yes, dry_run=dry_run)
        return run_init(str(self.place), self.url, given, self.ready, self.machine, voice)

    def show(self, plan: Plan, words: str, redactor: Redactor, *, said: bool = False) -> None:
        self.plans.append((redactor.value(plan), said))

    def ready(self, wanted: CheckRequest) -> Report:
        return Report(
            tool=Tool("bpfdoctor", "0"),
            started="",
            seconds=0,
            verdict=Verdict(0, Readiness.READY, ""),
            project=ProjectFacts("p", "", str(self.place)),
            host=HostFacts("", "", "", privileged=False),
            findings=(),
            programs=(),
        )


@pytest.fixture
def init(home: Path, needs: Callable[..., None]) -> Init:
    needs("git")
    source = home / "source"
    subprocess.run(["git", "init", "-q", str(source)], check=True)
    return Init(home, f"file://{source}")


def test_the_clone_and_the_fix_are_one_run(init: Init) -> None:
    assert init.run(yes=True) == 0
    assert (init.place / ".git").is_dir()
    (path,) = init.state.glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"]["id"] for line in lines if line["event"] == "start"] == ["clone"]
    assert lines[-1] == {"event": "finished", "exit": 0}
    assert f"To take it back: bpfdoctor undo {path.stem}" in init.said


def test_a_clone_that_fails_is_an_ended_run_with_a_name(init: Init) -> None:
    init.url += "-that-is-not"
    assert init.run(yes=True) == 4
    (path,) = init.state.glob("*.jsonl")
    assert json.loads(path.read_text().splitlines()[-1])["exit"] == 4
    assert f"To take it back: bpfdoctor undo {path.stem}" in init.said


@pytest.mark.parametrize("dry_run", [True, False])
def test_as_data_it_is_the_plan_that_was_not_done(init: Init, dry_run: bool) -> None:
    init.url = "https://me:secret@git.example.org/x"
    assert init.run(dry_run=dry_run) == 1
    ((plan, said),) = init.plans
    (step,) = plan.steps
    assert (step.title, step.argv[-1]) == ("clone https://$HOST1/x", "$CHECKOUT")
    assert "secret" not in str(plan)
    assert said == any("clone https" in line for line in init.said), "it is said once, not twice"
    assert not init.place.exists()


def test_nothing_is_cloned_into_a_directory_that_somebody_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(BpfDoctorError, match="the working directory is not there any more"):
        init_plan("first", "https://example.org/x", FakeHost())


@pytest.mark.parametrize(("absent", "commands"), [((), ["git"]), (("git",), ["apt-get", "git"])])
def test_git_is_installed_first_where_it_is_missing(
    tmp_path: Path, absent: tuple[str, ...], commands: list[str]
) -> None:
    lists = {LISTS: ("x_Packages",)}
    host = ManagerHost({"dpkg --audit": ""}, names=lists, absent=absent)
    plan = init_plan(str(tmp_path / "first"), "https://example.org/x", host)
    assert [step.argv[0] for step in plan.steps] == commands
    assert {step.why for step in plan.steps} == {("init",)}
    assert [step.packages[0] for step in plan.steps if step.packages] == ["git"] * len(absent)
