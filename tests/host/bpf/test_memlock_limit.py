"""RLIMIT_MEMLOCK: raised in a child alone, never in this process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.child import in_child
from bpfdoctor.host.bpf.memlock import RaiseMemlock, with_memory
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.facts import AskIdentity, Identity
from bpfdoctor.judging.privilege import CAP_SYS_RESOURCE, holds

LIMIT = resource.RLIMIT_MEMLOCK


def whose_limit() -> Attempt:
    return Attempt(log=f"{os.getpid()} {resource.getrlimit(LIMIT)[0]}")


def test_raising_answers_as_the_capability_says_and_leaves_our_limit(live: LiveHost) -> None:
    before = resource.getrlimit(LIMIT)
    answer = live.ask(RaiseMemlock())
    identity = live.ask(AskIdentity())
    assert isinstance(answer, Attempt)
    assert isinstance(identity, Identity)
    if holds(identity, CAP_SYS_RESOURCE) or before[1] == resource.RLIM_INFINITY:
        assert answer.worked
    else:
        assert answer.error == "EPERM"
    assert resource.getrlimit(LIMIT) == before


def test_a_number_of_bytes_may_be_had_up_to_the_hard_limit_and_no_further(live: LiveHost) -> None:
    hard, identity = resource.getrlimit(LIMIT)[1], live.ask(AskIdentity())
    assert isinstance(identity, Identity)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no hard limit here")
    assert live.ask(RaiseMemlock(hard)) == Attempt()
    more = live.ask(RaiseMemlock(hard + 1))
    assert isinstance(more, Attempt)
    assert more.worked == holds(identity, CAP_SYS_RESOURCE)


def test_without_proc_nothing_is_tried_and_nothing_raised(
    live: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("subprocess.Popen", gone)
    answer = live.ask(RaiseMemlock())
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "ENOENT"


def test_on_an_old_kernel_the_probe_runs_in_a_child_with_all_that_may_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = resource.getrlimit(LIMIT)
    monkeypatch.setattr("bpfdoctor.host.bpf.memlock.kernel_version", lambda _: (5, 10))
    for place in ("memlock", "child"):
        monkeypatch.setattr(f"bpfdoctor.host.bpf.{place}.UNLIMITED", (1 << 40, 1 << 40))
    answer = with_memory(Attempt, whose_limit)
    assert isinstance(answer, Attempt)
    pid, limit = answer.log.split()
    assert pid != str(os.getpid())
    assert int(limit) in (before[1], 1 << 40)
    assert resource.getrlimit(LIMIT) == before


def test_on_a_new_kernel_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpfdoctor.host.bpf.memlock.kernel_version", lambda _: (5, 11))
    answer = with_memory(Attempt, whose_limit)
    assert isinstance(answer, Attempt)
    assert answer.log.startswith(f"{os.getpid()} ")


def test_a_child_that_breaks_is_no_answer() -> None:
    def breaks() -> Attempt:
        raise RuntimeError

    answer = in_child(Attempt, breaks)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "broken"


def test_a_long_log_comes_whole_out_of_the_child() -> None:
    answer = in_child(Attempt, lambda: Attempt("EINVAL", "bpf", "x" * 300_000))
    assert isinstance(answer, Attempt)
    assert len(answer.log) == 300_000


FORKING = """
import os, sys
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.child import in_child
sys.modules.pop("logging", None)
real = os.fork
os.fork = lambda: (print("logging" in sys.modules, flush=True), real())[1]
print(in_child(Attempt, Attempt))
"""


def test_no_module_sets_its_hooks_of_fork_while_a_process_is_forked() -> None:
    """A lock that was not taken before the fork cannot be released after it."""
    ended = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[0] == "True"
    assert ended.stderr == ""
