"""Trials that take a raised RLIMIT_MEMLOCK: many of them in one process."""

from __future__ import annotations

import os
import signal
import sys
import types
from collections.abc import Iterator

import pytest

from bpfdoctor.host.bpf import trial_process
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.child import in_child
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.question import NoAnswer


def whose(said: str = "") -> Attempt:
    return Attempt(log=f"{os.getpid()}{said}")


def ends() -> Attempt:
    os._exit(3)


def breaks() -> Attempt:
    raise RuntimeError


@pytest.fixture(autouse=True)
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("bpfdoctor.host.bpf.memlock.kernel_version", lambda _: (5, 10))
    for place in ("memlock", "child"):
        monkeypatch.setattr(f"bpfdoctor.host.bpf.{place}.UNLIMITED", (1 << 40, 1 << 40))
    yield
    while trial_process._idle:
        trial_process._idle.pop().ended()


def said(answer: Attempt | NoAnswer) -> str:
    assert isinstance(answer, Attempt)
    return answer.log


def test_one_process_makes_one_trial_after_another() -> None:
    first = said(with_memory(Attempt, whose))
    assert first != str(os.getpid())
    assert said(with_memory(Attempt, whose, "\n, again")) == f"{first}\n, again"


def test_a_closure_has_a_process_of_its_own() -> None:
    ours = said(with_memory(Attempt, whose))
    assert said(with_memory(Attempt, lambda: whose(""))) not in (ours, str(os.getpid()))


@pytest.mark.parametrize("trial", [ends, breaks])
def test_a_trial_that_ends_its_process_is_no_answer_and_the_next_has_another(
    trial: types.FunctionType,
) -> None:
    before = said(with_memory(Attempt, whose))
    broken = with_memory(Attempt, trial)
    assert isinstance(broken, NoAnswer)
    assert broken.reason == "broken"
    assert said(with_memory(Attempt, whose)) != before


def test_one_that_was_killed_while_it_was_idle_is_no_answer() -> None:
    os.kill(int(said(with_memory(Attempt, whose))), signal.SIGKILL)
    assert isinstance(with_memory(Attempt, whose), NoAnswer)
    said(with_memory(Attempt, whose))


def test_it_holds_no_pipe_of_another_thread_open() -> None:
    reader, writer = os.pipe()
    said(with_memory(Attempt, whose))
    os.close(writer)
    os.set_blocking(reader, False)
    assert os.read(reader, 1) == b""  # else BlockingIOError: somebody may still write
    os.close(reader)


def test_what_was_imported_since_is_asked_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    before = said(with_memory(Attempt, whose))
    late = types.ModuleType("late_module")
    exec("def trial(whose):\n    return whose()\n", late.__dict__)
    monkeypatch.setitem(sys.modules, "late_module", late)
    assert said(with_memory(Attempt, late.trial, whose)) != before


def test_a_child_has_none_of_those_of_its_parent() -> None:
    before = said(with_memory(Attempt, whose))
    nested = said(in_child(Attempt, lambda: Attempt(log=said(with_memory(Attempt, whose)))))
    assert nested != before
    assert said(with_memory(Attempt, whose)) == before
