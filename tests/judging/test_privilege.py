"""What a probe's answer proves, by the errno, the call that was refused and who asked."""

from __future__ import annotations

import pytest

from bpfdoctor.api import Attempt, Identity, NoAnswer, Status
from bpfdoctor.host.bpf.call_names import BPF_COMMANDS, Call
from bpfdoctor.judging.privilege import PASSING, in_pid_namespace, passing, status_of

ROOT = Identity(0, (1 << 41) - 1, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
LOAD = "bpf(BPF_PROG_LOAD)"


@pytest.mark.parametrize("call", list(Call))
def test_busy_is_of_this_moment_unless_a_command_of_bpf_says_it(call: Call) -> None:
    assert passing(Attempt("EBUSY", str(call))) is (call not in BPF_COMMANDS)


def test_the_commands_of_bpf_are_those_that_are_printed_with_their_names() -> None:
    assert {call for call in Call if "(BPF_" in call.value and "bpf(" in call.value} == BPF_COMMANDS


def test_a_file_that_is_busy_is_so_at_this_moment() -> None:
    assert passing(Attempt("EBUSY", "/sys/kernel/tracing/kprobe_events"))


@pytest.mark.parametrize("error", PASSING)
@pytest.mark.parametrize("call", [LOAD, "perf_event_open"])
def test_want_of_room_or_time_passes_whatever_says_it(error: str, call: str) -> None:
    assert passing(Attempt(error, call))
    assert status_of(Attempt(error, call), ROOT) is Status.UNKNOWN


@pytest.mark.parametrize("error", ["EINVAL", "EPERM", ""])
def test_what_is_not_of_this_moment_does_not_pass(error: str) -> None:
    assert not passing(Attempt(error, LOAD))


@pytest.mark.parametrize(
    ("said", "who", "status"),
    [
        (Attempt(), USER, Status.PASS),
        (Attempt(), NoAnswer("EACCES"), Status.PASS),
        (Attempt("EINVAL", LOAD), USER, Status.FAIL),
        (Attempt("EINVAL", LOAD), NoAnswer("EACCES"), Status.FAIL),
        (Attempt("EPERM", LOAD), ROOT, Status.FAIL),
        (Attempt("EPERM", LOAD), USER, Status.UNKNOWN),
        (Attempt("EACCES", LOAD), ROOT, Status.FAIL),
        (Attempt("EACCES", LOAD), USER, Status.UNKNOWN),
        (Attempt("EPERM", LOAD), NoAnswer("EACCES"), Status.UNKNOWN),
        (NoAnswer("timed-out"), ROOT, Status.UNKNOWN),
        (Attempt("EBUSY", LOAD), USER, Status.FAIL),
        (Attempt("EBUSY", "perf_event_open"), ROOT, Status.UNKNOWN),
    ],
)
def test_a_refusal_proves_something_unless_privilege_or_the_moment_explains_it(
    said: Attempt | NoAnswer, who: Identity | NoAnswer, status: Status
) -> None:
    assert status_of(said, who) is status


@pytest.mark.parametrize(
    ("number", "inside"), [(0, False), (0xEFFFFFFC, False), (4026532000, True)]
)
def test_a_pid_namespace_that_cannot_be_read_passes_for_the_machines_own(
    number: int, inside: bool
) -> None:
    who = Identity(0, 0, 0, 0, 0xEFFFFFFD, number, (-1, -1))
    assert in_pid_namespace(who) is inside
