"""A program of ours of each kind, hit by ourselves on the real kernel, and gone afterwards."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from loud import missing, require

from bpfdoctor.host.bpf import late_close, own_triggers
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.fire_once import FiredKind, FiredOnce, FireOnce
from bpfdoctor.host.bpf.own_code import FUNCTIONS, own_function
from bpfdoctor.host.bpf.own_runs import OwnRuns, thread_named
from bpfdoctor.host.bpf.own_triggers import Armed
from bpfdoctor.host.bpf.steps import Steps
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.syscalls import numbers, syscall
from bpfdoctor.host.system.modules import AskLoadable, Modules

pytestmark = pytest.mark.bpf

EVERYWHERE: tuple[FiredKind, ...] = ("tracepoint", "socket-filter")
"""Kinds that every kernel has."""


def own_name() -> str:
    return Path("/proc/thread-self/comm").read_text()


@pytest.mark.parametrize("kind", get_args(FiredKind))
def test_a_program_of_each_kind_is_hit_and_counted_where_it_attaches(
    kernel: None, live: LiveHost, kind: FiredKind
) -> None:
    before = own_name()
    loadable = live.ask(AskLoadable(("sch_ingress", "cls_bpf")))
    if kind == "classifier" and (not isinstance(loadable, Modules) or loadable.loadable):
        missing("a kernel that has tc's modules already")
    answer = live.ask(FireOnce(kind))
    assert isinstance(answer, FiredOnce), answer
    assert answer.attached.worked is (answer.hits is not None), answer
    assert answer.hits or not answer.attached.worked, answer
    assert answer.attached.worked or kind not in EVERYWHERE, answer
    assert own_name() == before


def test_nothing_of_it_stays(kernel: None, live: LiveHost) -> None:
    require("bpftool")
    for kind in get_args(FiredKind):
        if kind != "classifier":
            live.ask(FireOnce(kind))
    late_close.finish()
    opened = {os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    ours = ("anon_inode:bpf", "anon_inode:[perf_event]")
    assert not [name for name in opened if name.startswith(ours)]


HELD = """
import os, signal
from bpfdoctor.host.bpf import own_triggers
from bpfdoctor.host.bpf.fire_once import FireOnce
from bpfdoctor.host.machine import Machine
own_triggers._getcpu = lambda: os.kill(os.getpid(), signal.SIGKILL)
FireOnce("tracepoint").put(Machine())
"""


def test_a_probe_that_is_killed_leaves_nothing_attached(kernel: None) -> None:
    require("bpftool")
    done = subprocess.run([sys.executable, "-c", HELD], check=False)
    assert done.returncode == -9
    listed = subprocess.run(["bpftool", "perf"], capture_output=True, text=True, check=False)
    assert "sys_enter_getcpu" not in listed.stdout


def counted(name: bytes | None) -> int:
    """How many calls of getcpu(2) are counted that a thread of this name makes."""
    with Steps() as steps:
        armed = own_triggers.tracepoint(steps)
        assert isinstance(armed, Armed)
        with thread_named(name if name is not None else armed.runs.name):
            syscall(numbers().getcpu, 0, 0, 0)
        return armed.runs.hits


def test_nobody_elses_call_is_counted(kernel: None) -> None:
    assert counted(b"somebody") == 0
    assert counted(None) == 1


def test_a_trigger_that_a_filter_refuses_is_told_with_its_errno(
    kernel: None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr(own_triggers, "_getcpu", refuse)
    answer = FireOnce("tracepoint").put(machine)
    assert isinstance(answer, FiredOnce)
    assert (answer.hits, answer.refused) == (0, "EPERM")


def test_a_trigger_is_pulled_again_while_nothing_was_counted(
    kernel: None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled: list[int] = []
    monkeypatch.setattr(own_triggers, "_getcpu", lambda: pulled.append(1))
    answer = FireOnce("tracepoint").put(machine)
    assert isinstance(answer, FiredOnce)
    assert (answer.hits, len(pulled)) == (0, 3)


def test_without_tracepoints_of_system_calls_another_is_hit(
    kernel: None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = (("syscalls", "no_such_tracepoint"), ("task", "task_rename"))
    monkeypatch.setattr(own_triggers, "TRACEPOINTS", only)
    answer = FireOnce("tracepoint").put(machine)
    assert isinstance(answer, FiredOnce)
    assert (answer.target, answer.hits) == ("task/task_rename", 1)


def test_without_code_for_this_architecture_a_uprobe_is_not_hit(
    kernel: None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpfdoctor.host.bpf.own_code.machine_architecture", lambda: "pdp11")
    answer = FireOnce("uprobe").put(machine)
    assert isinstance(answer, FiredOnce)
    assert answer.hits is None


def test_our_function_runs_and_its_memory_is_given_back() -> None:
    if os.uname().machine not in FUNCTIONS:
        missing("an architecture whose code is known")
    with Steps() as steps:
        found = own_function(steps)
        assert found is not None
        path, function = found
        assert Path(path).read_bytes()[:2] == bytes.fromhex(FUNCTIONS[os.uname().machine])[:2]
        function()
        assert "memfd:bpfdoctor" in Path("/proc/self/maps").read_text()
    assert "memfd:bpfdoctor" not in Path("/proc/self/maps").read_text()


def test_where_no_namespace_can_be_made_nothing_is_said_of_a_classifier(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(steps: Steps, code: bytes) -> None:
        steps.call = Call.UNSHARE
        raise PermissionError(1, "no")

    monkeypatch.setattr(own_triggers, "put_on_own_lo", refuse)
    monkeypatch.setattr(own_triggers, "OwnRuns", lambda *_, **__: OwnRuns.__new__(OwnRuns))
    monkeypatch.setattr(OwnRuns, "code", b"", raising=False)
    answer = FireOnce("classifier").put(machine)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "EPERM"


def test_a_thread_has_its_name_back_whatever_happens() -> None:
    before, seen = own_name(), ""

    def fail() -> None:
        nonlocal seen
        with thread_named(b"for a while"):
            seen = own_name()
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    assert (seen, own_name()) == ("for a while\n", before)


def test_a_filter_that_forbids_names_is_an_error_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bpfdoctor.host.bpf.own_runs.PR_SET_NAME", 1 << 20)
    with pytest.raises(OSError, match="prctl"), thread_named(b"x"):
        pass
    assert ctypes.get_errno() >= 0


def test_an_answer_shows_how_far_it_came() -> None:
    assert "not hit" in FiredOnce(Attempt()).shown()
    assert "EPERM" in FiredOnce(Attempt("EPERM", "bpf(BPF_PROG_LOAD)")).shown()
    silent = FiredOnce(Attempt(), 0, "it", armed="0").shown()
    assert "0 counted" in silent
    assert "kprobes/enabled: 0" in silent
