"""The first proof, on the real kernel: as root, as an ordinary user, in a user namespace."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from filtered import refuse

from bpfdoctor.api import AskIdentity, Context, Identity, NoAnswer, Stage
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.child import in_child
from bpfdoctor.host.bpf.fire import Fire, Fired
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.record import RecordedHost, RecordingHost, Snapshot, read_snapshot
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.syscalls import numbers
from bpfdoctor.model import Tool
from bpfdoctor.smoke.fire_outcomes import outcomes_of
from bpfdoctor.smoke.kernel import kernel_question, prove_kernel
from bpfdoctor.testing import FakeHost, project_named

FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
CLONE_NEWUSER = 0x10000000


def context(host: object) -> Context:
    return Context(host, project_named())  # type: ignore[arg-type]


def become_nobody() -> None:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def become_root_of_a_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/uid_map").write_text("0 0 1")


def fired_after(change: Callable[[], None], machine: Machine) -> tuple[Fired, Identity]:
    """What `Fire` sees in a process that has changed who it is."""

    def fire() -> Fired:
        change()
        answer = kernel_question().put(machine)
        assert isinstance(answer, Fired)
        return answer

    def who() -> Identity:
        change()
        answer = AskIdentity().put(machine)
        assert isinstance(answer, Identity)
        return answer

    fired, identity = in_child(Fired, fire), in_child(Identity, who)
    assert isinstance(fired, Fired)
    assert isinstance(identity, Identity)
    return fired, identity


@pytest.mark.bpf
def test_root_sees_the_program_count_its_own_call(kernel: None, live: LiveHost) -> None:
    observed = prove_kernel(context(live))
    assert [each.stage for each in observed.outcomes] == [Stage.LOAD, Stage.ATTACH, Stage.FIRES]
    assert all(each.happened for each in observed.outcomes)
    assert "1 hit" in observed.outcomes[-1].summary


@pytest.mark.bpf
def test_each_run_has_a_number_of_its_own(kernel: None, machine: Machine) -> None:
    answers = [kernel_question().put(machine) for _ in range(3)]
    numbers = {each.magic for each in answers if isinstance(each, Fired)}
    assert len(numbers) == 3


@pytest.mark.bpf
def test_what_was_recorded_replays_to_the_same(
    kernel: None, live: LiveHost, tmp_path: Path
) -> None:
    recording = RecordingHost(live)
    observed = prove_kernel(context(recording))
    file = tmp_path / "snapshot.json"
    Snapshot(Tool("bpfdoctor", "0"), "", "", 0, {}, recording.answers).write(file, Redactor())
    assert prove_kernel(context(RecordedHost(read_snapshot(file)))) == observed


@pytest.mark.bpf
def test_an_ordinary_user_learns_that_privilege_is_wanting(kernel: None, machine: Machine) -> None:
    fired, identity = fired_after(become_nobody, machine)
    (load,) = outcomes_of(kernel_question(), fired, identity)
    assert (load.stage, load.happened) == (Stage.LOAD, None)
    assert "EPERM" in load.summary


@pytest.mark.bpf
def test_root_of_a_user_namespace_is_refused(kernel: None, machine: Machine) -> None:
    fired, identity = fired_after(become_root_of_a_namespace, machine)
    assert identity.capabilities & 1 << 39
    (load,) = outcomes_of(kernel_question(), fired, identity)
    assert load.happened is False
    assert "EPERM" in load.summary
    assert any("not the initial user namespace" in each.text for each in load.seen)


@pytest.mark.bpf
def test_a_call_that_a_filter_refuses_is_nothing_to_see(kernel: None, machine: Machine) -> None:
    fired, identity = fired_after(partial(refuse, numbers().getcpu, errno.ENOSYS), machine)
    assert (fired.hits, fired.refused) == (0, "ENOSYS")
    last = outcomes_of(kernel_question(), fired, identity)[-1]
    assert (last.stage, last.happened) == (Stage.FIRES, None)
    assert "ENOSYS" in last.summary


def test_a_program_that_did_not_see_a_call_that_was_made_failed() -> None:
    assert judged(Fired(Attempt(), Attempt(), 0, 7, 8))[0] is False


@pytest.mark.bpf
def test_a_proof_may_stop_at_a_stage(kernel: None, live: LiveHost) -> None:
    whole = kernel_question()
    load = live.ask(Fire(whole.code, whole.map_references, whole.what, upto="load"))
    attach = live.ask(Fire(whole.code, whole.map_references, whole.what, upto="attach"))
    assert load == Fired(Attempt())
    assert attach == Fired(Attempt(), Attempt())


def judged(fired: Fired | NoAnswer, who: Identity | NoAnswer = ROOT) -> tuple[object, str]:
    answers = {kernel_question(): fired, AskIdentity(): who}
    last = prove_kernel(context(FakeHost(answers))).outcomes[-1]
    return last.happened, last.summary


@pytest.mark.parametrize("error", ["EPERM", "EACCES"])
def test_want_of_privilege_is_unknown_and_a_refused_root_is_not(error: str) -> None:
    refused = Fired(Attempt(error, "bpf(BPF_PROG_LOAD)"))
    assert judged(refused, USER)[0] is None
    assert judged(refused, NoAnswer("not-recorded"))[0] is None
    assert judged(refused, ROOT)[0] is False


@pytest.mark.parametrize("error", ["ENOMEM", "EAGAIN", "EMFILE"])
def test_what_passes_says_nothing_of_the_kernel(error: str) -> None:
    assert judged(Fired(Attempt(error, "bpf(BPF_MAP_CREATE)")))[0] is None


@pytest.mark.parametrize("error", ["EINVAL", "ENOSYS", "E2BIG", "ENOTSUPP", "errno 4000"])
def test_any_other_errno_is_a_failure_with_its_name(error: str) -> None:
    happened, summary = judged(Fired(Attempt(error, "bpf(BPF_PROG_LOAD)")), USER)
    assert happened is False
    assert error in summary


def test_an_attach_is_judged_like_a_load() -> None:
    no_tracefs = Attempt("ENOENT", "reading the id of tracepoint syscalls/sys_enter_getcpu")
    assert judged(Fired(Attempt(), no_tracefs), USER) == (
        False,
        "reading the id of tracepoint syscalls/sys_enter_getcpu answered ENOENT",
    )
    assert judged(Fired(Attempt(), Attempt("EACCES", "perf_event_open")), USER)[0] is None


def test_a_program_that_stays_silent_failed_to_fire() -> None:
    assert judged(Fired(Attempt(), Attempt(), 0, 1, 2))[0] is False


def test_a_question_without_an_answer_proves_nothing() -> None:
    assert judged(NoAnswer("not-recorded"))[0] is None
