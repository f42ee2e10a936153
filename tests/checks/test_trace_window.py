"""runtime.tracing-on: what the user of a program that prints would see of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskIdentity,
    ByHand,
    Finding,
    Identity,
    NoAnswer,
    Question,
    Run,
    Status,
    kernel,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, project_named, run_check

CHECK = "runtime.tracing-on"
PLACE = "/sys/kernel/tracing"
FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
OPEN = kernel.TraceWindow(PLACE, on=True)


def found(answer: Answer, who: Identity = ROOT) -> Finding:
    answers: dict[Question[Any], Answer] = {kernel.AskTraceWindow(): answer, AskIdentity(): who}
    return one(run_check(CHECK, FakeHost(answers)))


def but(**changes: Any) -> kernel.TraceWindow:
    return msgspec.structs.replace(OPEN, **changes)


def test_a_trace_that_is_on_and_opens_passes() -> None:
    assert found(OPEN).status is Status.PASS


def test_tracing_that_is_off_fails_and_can_be_turned_on_and_off_again() -> None:
    off = found(but(on=False))
    assert off.status is Status.FAIL
    (fix,) = off.fixes
    assert isinstance(fix, Run)
    assert fix.privileged
    assert fix.argv == ("sh", "-c", f"echo 1 > {PLACE}/tracing_on")
    assert fix.undo == ("sh", "-c", f"echo 0 > {PLACE}/tracing_on")


def test_a_trigger_that_would_turn_it_off_again_is_to_go_first() -> None:
    trigger = "events/sched/sched_process_exec/trigger"
    (fix,) = found(but(on=False, shutters=(f"{trigger}: traceoff:unlimited",))).fixes
    assert isinstance(fix, ByHand)
    clear, on = f"echo '!traceoff' >> {PLACE}/{trigger}", f"echo 1 > {PLACE}/tracing_on"
    assert clear in fix.text
    assert fix.text.index(clear) < fix.text.index(on)


def test_a_trace_that_only_a_user_may_not_read_is_unknown() -> None:
    assert found(but(refused="EACCES"), USER).status is Status.UNKNOWN
    assert found(but(refused="EACCES"), ROOT).status is Status.FAIL
    assert found(but(refused="ENOMEM"), ROOT).status is Status.UNKNOWN


def test_a_switch_that_cannot_be_read_is_unknown() -> None:
    assert found(but(on=None)).status is Status.UNKNOWN


@pytest.mark.parametrize("narrowed", ["set_event_pid: 12", "options/trace_printk: 0"])
def test_what_may_keep_lines_out_is_unknown_with_what_takes_it_away(narrowed: str) -> None:
    doubtful = found(but(narrowed=(narrowed,)))
    assert doubtful.status is Status.UNKNOWN
    assert narrowed in doubtful.summary
    assert f"> {PLACE}/{narrowed.partition(':')[0]}" in repr(doubtful.fixes)


@pytest.mark.parametrize("changes", [{"readers": ("cat (PID 7)",)}, {"refused": "EBUSY"}])
def test_another_reader_may_be_the_users_own_and_is_a_warning(changes: dict[str, Any]) -> None:
    assert found(but(**changes)).status is Status.WARN


def test_a_machine_that_was_not_asked_is_unknown() -> None:
    assert found(NoAnswer("not-recorded")).status is Status.UNKNOWN


def test_programs_that_show_themselves_elsewhere_have_no_use_for_it() -> None:
    whole = project_named()
    other = msgspec.structs.replace(whole, programs=("bootstrap",))
    assert run_check(CHECK, FakeHost(), other) == ()


@pytest.mark.bpf
def test_this_machines_trace_is_open(kernel: None, live: LiveHost) -> None:
    assert one(run_check(CHECK, live)).status in (Status.PASS, Status.WARN)
