"""Steps run as they were shown, each as whom it should; what fails stops what depends on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from manager_says import ManagerHost, installed
from own_sudo import Sudo

from bpfdoctor.fix.applying.applier import Applied, Applier
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.journal.read import read_run
from bpfdoctor.fix.journal.write import After, Before, Journal
from bpfdoctor.fix.managers.locks import Holder
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.machine import Machine

SLOW = ("sh", "-c", "echo ready; sleep 9")


def applied(applier: Applier, tmp_path: Path, *steps: Step) -> Applied:
    plan = Plan(steps)
    return applier.apply(plan, Journal.begin(tmp_path / "journal", plan))


def test_a_failing_step_stops_its_dependents_and_no_others(
    applier: Callable[..., Applier], tmp_path: Path
) -> None:
    result = applied(
        applier(),
        tmp_path,
        Step(id="a", kind="run", title="a", argv=("false",)),
        Step(id="b", kind="run", title="b", argv=("true",), after=("a",)),
        Step(id="c", kind="run", title="c", argv=("true",), after=("b",)),
        Step(id="d", kind="run", title="d", argv=("true",)),
    )
    assert [(each.step.id, each.result) for each in result.done] == [("a", "failed"), ("d", "done")]
    assert [step.id for step in result.left_out] == ["b", "c"]
    assert not result.took
    assert b"ran: false: exit status 1" in msgspec.json.encode(result)  # plain data, as all is


@pytest.mark.usefixtures("interruptible")
def test_a_stop_during_a_step_is_in_the_journal(
    applier: Callable[..., Applier], tmp_path: Path
) -> None:
    maker = applier()

    def interrupt(line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    maker.machine.progress = interrupt
    with pytest.raises(KeyboardInterrupt):
        applied(maker, tmp_path, Step(id="a", kind="run", title="a", argv=SLOW))
    (path,) = (tmp_path / "journal").glob("*.jsonl")
    (record,) = read_run(path).records
    assert record.after is not None
    assert record.after.result == "interrupted"


def test_a_step_in_somebody_elses_tree_runs_as_that_user(
    applier: Callable[..., Applier], tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    tree = tmp_path / "tree"
    tree.mkdir()
    os.chown(tree, 4711, 4711)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o011)
    argv = ("touch", str(tree / "made"))
    step = Step(id="a", kind="run", title="a", argv=argv, owner_of=str(tree))
    assert applied(applier(), tmp_path, step).took
    assert (tree / "made").stat().st_uid == 4711


def notes(tmp_path: Path) -> list[tuple[Before, str]]:
    """Each step's first line in the journal, and how it ended."""
    (path,) = (tmp_path / "journal").glob("*.jsonl")
    records = read_run(path).records
    return [(each.before, each.after.result if each.after else "") for each in records]


def test_root_runs_a_step_without_the_users_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: Callable[..., None]
) -> None:
    needs("root")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/tmp/evil")
    said: list[str] = []
    machine = Machine({**os.environ, "HTTPS_PROXY": "p"}, progress=said.append)
    applier = Applier(machine, Elevation(machine.environ, terminal=False), said.append)
    step = Step("a", "run", "a", ("/usr/bin/env",), privileged=True, environment={"A": "b"})
    assert applied(applier, tmp_path, step).took
    names = {line.partition("=")[0] for line in said if "=" in line}
    assert names - {"LC_CTYPE"} == {"PATH", "HOME", "LC_ALL", "HTTPS_PROXY", "A"}
    assert "HOME=/root" in said


@pytest.mark.usefixtures("user")
def test_a_user_runs_a_privileged_step_by_sudo_and_no_other(sudo: Sudo, tmp_path: Path) -> None:
    sudo.installed(quietly=0)
    machine = Machine(dict(os.environ))
    applier = Applier(machine, Elevation(machine.environ, terminal=False), print)
    place = tmp_path / "sbin"  # where we may write
    steps = (
        Step("a", "run", "a", ("/bin/echo", "a"), privileged=True),
        Step("b", "run", "b", ("/bin/echo", "b")),
    )
    assert applied(applier, place, *steps).took
    (first, _), (second, _) = notes(place)
    assert first.argv[:3] == (str(sudo.place / "sudo"), "-n", "env")
    assert first.argv[-2:] == ("/bin/echo", "a")
    assert second.argv == ("/bin/echo", "b")
    assert [line.split()[-1] for line in sudo.heard] == ["true", "a"]


@pytest.mark.usefixtures("user", "sudo")
def test_without_root_a_privileged_step_fails_and_is_noted(tmp_path: Path) -> None:
    said: list[str] = []
    machine = Machine(dict(os.environ))
    applier = Applier(machine, Elevation(machine.environ, terminal=False), said.append)
    step = Step("a", "run", "a", ("/bin/echo", "a"), privileged=True)
    (done,) = applied(applier, tmp_path / "sbin", step).done
    assert done.result == "failed"
    assert "sudo is not installed" in done.text
    assert notes(tmp_path / "sbin") == [(notes(tmp_path / "sbin")[0][0], "failed")]


def test_a_step_whose_manager_is_at_work_too_long_is_left_out_and_noted(
    applier: Callable[..., Applier], tmp_path: Path
) -> None:
    said: list[str] = []
    maker = applier(said, Patience(lock=0))
    host = ManagerHost(installed("a"))
    host.holders = [Holder(7, "apt", "/lock")] * 2
    maker.host = host  # type: ignore[assignment]
    step = Step("a", "install", "a", ("false",), manager="apt", packages=("x",))
    result = applied(maker, tmp_path, step)
    assert (result.done, result.left_out, result.took) == ((), (step,), False)
    ((before, end),) = notes(tmp_path)
    assert (before.step, end) == (step, "failed")
    assert "apt is locked by apt (PID 7), by /lock" in said
    done, after = maker.run_one(step)
    assert after == After("a", "failed", None, 0, "", after.reason)
    assert done.result == "failed"
    assert "apt is locked" in after.reason


def test_a_removal_that_would_be_refused_is_not_begun(
    applier: Callable[..., Applier], tmp_path: Path
) -> None:
    maker = applier()
    argv = ("sh", "-c", f"touch {tmp_path}/made")
    line = f"sh --no-act -c 'touch {tmp_path}/made'"
    host = ManagerHost({**installed("x"), line: (1, " y depends on x\n")})
    maker.host = host  # type: ignore[assignment]
    step = Step("u", "remove", "t", argv, manager="apt", packages=("x",))
    done, after = maker.run_one(step)
    assert (done.result, after.exit_code) == ("failed", 1)
    assert "y depends on x" in done.text
    assert not (tmp_path / "made").exists()


def test_a_step_that_a_killed_run_left_is_closed_before_another_installs(
    applier: Callable[..., Applier], tmp_path: Path
) -> None:
    maker = applier()
    host = ManagerHost(installed("x"))
    maker.host = host  # type: ignore[assignment]
    cut_off = Step("c", "install", "c", ("false",), manager="apt", packages=("x",))
    killed = Journal.begin(tmp_path / "journal", Plan())
    killed.write(Before(cut_off, cut_off.argv, "", packages=(), intended=("x",)))
    plan = Plan((Step("a", "refresh", "a", ("true",), manager="apt"),))
    maker.apply(plan, Journal.begin(tmp_path / "journal", plan))
    (record,) = read_run(killed.path).records
    assert record.after is not None
    assert record.after.added == ("x",)
