"""A step waits for whoever holds the lock, and a removal that would be refused is not begun."""

from __future__ import annotations

import pytest
from manager_says import ManagerHost
from msgspec.structs import replace

from bpfdoctor.fix.applying.obstacles import refused, wait_for_lock
from bpfdoctor.fix.managers.locks import Holder
from bpfdoctor.fix.managers.registry import MANAGERS
from bpfdoctor.fix.plan import Step

INSTALL = Step("packages", "install", "t", ("apt-get", "install", "x"), manager="apt")
APT = Holder(7, "apt", "/lock")


def waited(*holders: Holder, limit: float = 60, step: Step = INSTALL) -> tuple[str, list[str]]:
    """What came of it, and what was said meanwhile."""
    host, said = ManagerHost(), list[str]()
    host.holders = list(holders)
    return wait_for_lock(host, step, limit, said.append), said


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpfdoctor.fix.applying.obstacles.time.sleep", lambda seconds: None)


def test_it_waits_until_the_lock_is_free_and_says_once_for_whom() -> None:
    why, said = waited(APT, APT, Holder(8, "dpkg", "/lock"))
    assert why == ""
    assert said == ["waiting for apt (PID 7), by /lock", "waiting for dpkg (PID 8), by /lock"]


def test_it_is_the_lock_of_the_steps_own_manager() -> None:
    host = ManagerHost()
    wait_for_lock(host, INSTALL, 60, print)
    assert host.locks == MANAGERS["apt"].lock_files


def test_it_does_not_wait_for_ever() -> None:
    why, said = waited(APT, limit=0)
    assert why == "apt is locked by apt (PID 7), by /lock"
    assert said == []


def test_nobody_waits_for_a_lock_that_a_killed_run_left() -> None:
    why, _ = waited(Holder(-1, "pacman", "/lock", stale=True))
    assert "remove it (sudo rm /lock)" in why


def test_a_step_of_no_manager_waits_for_none() -> None:
    assert waited(APT, limit=0, step=Step("r", "run", "t", ("true",))) == ("", [])


NEEDED = " y depends on x; however:\n  Package x is to be removed.\n z depends on x.\n"


@pytest.mark.parametrize(
    ("said", "against"),
    [
        ((0, NEEDED), ""),
        ((1, NEEDED), "z depends on x."),
        ((1, " y depends on x\n"), " y depends on x\n"),
    ],
)
def test_a_removal_that_would_be_refused_is_known_beforehand(
    said: tuple[int, str], against: str
) -> None:
    host = ManagerHost({"dpkg --no-act --purge x y": said})
    step = Step("u", "remove", "t", ("dpkg", "--purge", "x", "y"), manager="apt")
    assert refused(host, replace(step, packages=("x", "y"))) == against


def test_an_installation_is_not_tried_for_a_refusal() -> None:
    host = ManagerHost()
    assert refused(host, INSTALL) == ""
    assert host.ran == []
