"""Global data, ring buffer and perf event array."""

from __future__ import annotations

from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskHelper,
    AskIdentity,
    Attempt,
    CreateMap,
    Finding,
    Identity,
    NoAnswer,
    Question,
    Status,
    UseGlobalData,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, run_check

FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))

STEPS: dict[str, tuple[Question[Attempt], ...]] = {
    "kernel.maps": (CreateMap("array", 4, 4, 1),),
    "kernel.global-data": (UseGlobalData(),),
    "kernel.ringbuf": (CreateMap("ringbuf", 0, 0, 1 << 18),),
    "kernel.perf-buffer": (
        CreateMap("perf_event_array", 4, 4, 1),
        AskHelper("tracepoint", "perf_event_output"),
    ),
}
CASES = [(check, step) for check, steps in STEPS.items() for step in range(len(steps))]


def judged(check: str, at: int, said: Answer, who: Answer = ROOT) -> Finding:
    """The finding when all steps before one work, and that one says this."""
    answers: dict[Question[Any], Answer] = dict.fromkeys(STEPS[check][:at], Attempt())
    answers |= {STEPS[check][at]: said, AskIdentity(): who}
    return one(run_check(check, FakeHost(answers, NoAnswer("not-recorded"))))


@pytest.mark.parametrize("check", STEPS)
def test_all_steps_together_pass(check: str) -> None:
    found = judged(check, len(STEPS[check]) - 1, Attempt())
    assert found.status is Status.PASS
    assert len(found.evidence) == len(STEPS[check])


@pytest.mark.parametrize(("check", "step"), CASES)
def test_any_step_that_the_kernel_lacks_fails(check: str, step: int) -> None:
    found = judged(check, step, Attempt("EINVAL", "bpf"), USER)
    assert found.status is Status.FAIL
    assert "EINVAL" in found.summary


@pytest.mark.parametrize(("check", "step"), CASES)
def test_any_step_that_is_not_answered_leaves_it_unknown(check: str, step: int) -> None:
    assert judged(check, step, NoAnswer("not-recorded")).status is Status.UNKNOWN
    assert judged(check, step, Attempt("EPERM", "bpf"), USER).status is Status.UNKNOWN
    assert judged(check, step, Attempt("EPERM", "bpf"), ROOT).status is Status.FAIL


@pytest.mark.bpf
@pytest.mark.parametrize("check", STEPS)
def test_this_kernel_answers(kernel: None, live: LiveHost, check: str) -> None:
    assert one(run_check(check, live)).status in (Status.PASS, Status.FAIL)
