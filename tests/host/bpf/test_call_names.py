"""Calls are told apart by what they are; what is printed, recorded and sent of them is a text."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.host.bpf.call_names import ATTACHING, Call
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.record import read_snapshot

HOSTS = Path(__file__).parents[2] / "hosts"


@pytest.mark.parametrize("call", list(Call))
def test_a_call_that_was_recorded_as_a_text_is_the_same_call(call: Call) -> None:
    made = Attempt.refused(call, OSError(errno.EPERM, "no"))
    plain = {"answer": "Attempt", "error": "EPERM", "call": call.value, "log": ""}
    assert msgspec.to_builtins(made) == plain
    assert type(made.call) is str
    assert msgspec.convert(plain, Attempt) == made
    assert made.known_call is call
    assert made.shown() == f"{call.value}: EPERM"


def test_what_is_no_call_is_told_in_its_own_words() -> None:
    said = Attempt.refused("/sys/bus/event_source/devices/kprobe", OSError(errno.ENOENT, "no"))
    assert said == Attempt("ENOENT", "/sys/bus/event_source/devices/kprobe")
    assert said.known_call is None


@pytest.mark.parametrize("call", list(Call))
def test_a_program_was_loaded_where_attaching_it_was_refused(call: Call) -> None:
    assert Attempt("EBUSY", str(call)).loaded is (call in ATTACHING)


def test_what_worked_was_loaded_and_a_file_is_no_attaching() -> None:
    assert Attempt().loaded
    assert not Attempt("ENOENT", "/sys/kernel/tracing/kprobe_events").loaded
    assert {call.value for call in ATTACHING} == {
        "bpf(BPF_RAW_TRACEPOINT_OPEN)",
        "bpf(BPF_LINK_CREATE)",
    }


IN_ITS_OWN_WORDS = ("/sys/", "looking for ", "reading the id of ", "a kprobe under lockdown")
"""How it begins where it was no call that failed."""


def test_every_call_that_machines_were_recorded_with_is_known() -> None:
    recorded = {
        each.answer.call
        for path in HOSTS.glob("*-*.json")
        for each in read_snapshot(path).answers
        if isinstance(each.answer, Attempt)
    }
    unknown = {text for text in recorded if text and not Attempt(call=text).known_call}
    assert "/sys/bus/event_source/devices/kprobe" in unknown
    assert not {text for text in unknown if not text.startswith(IN_ITS_OWN_WORDS)}
