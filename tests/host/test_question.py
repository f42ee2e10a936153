"""A question is shown as what a person would type; what came back is kept as it was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bpfdoctor.api import AskKernel, AskUsdt, Kernel, NoAnswer, ReadFile, evidence
from bpfdoctor.host.record import read_snapshot
from bpfdoctor.host.tools.compile import Compile
from bpfdoctor.host.tools.treat_object import TreatObject
from bpfdoctor.model import Evidence, Finding, Status, Unrecorded

HOSTS = Path(__file__).parents[1] / "hosts"


def test_a_command_is_shown_behind_a_prompt_and_a_path_is_not() -> None:
    assert AskUsdt("/lib/libc.so.6").command() == "readelf -n /lib/libc.so.6 | grep -A3 stapsdt"
    assert AskUsdt("/lib/libc.so.6").source() == f"$ {AskUsdt('/lib/libc.so.6').command()}"
    assert ReadFile("/proc/config.gz").command() is None
    assert ReadFile("/proc/config.gz").source() == "/proc/config.gz"


def test_whatever_is_shown_behind_a_prompt_can_be_had_without_it() -> None:
    for path in HOSTS.glob("*-*.json"):
        for question in (each.question for each in read_snapshot(path).answers):
            if not isinstance(question, Compile | TreatObject):
                behind = question.source().startswith("$ ")
                assert behind is (question.command() is not None), question


@pytest.mark.parametrize("reason", ["not-recorded", "EACCES", "timed-out"])
def test_only_what_was_never_recorded_is_said_to_be_so(reason: str) -> None:
    seen = evidence(AskKernel(), NoAnswer(reason, "not-recorded, perhaps"))
    assert isinstance(seen, Unrecorded) is (reason == "not-recorded")
    assert not isinstance(evidence(AskKernel(), Kernel("not-recorded", "", "")), Unrecorded)


def test_a_report_shows_what_was_never_recorded_like_any_evidence() -> None:
    assert msgspec.json.encode(Unrecorded("$ x", "no")) == msgspec.json.encode(
        Evidence("$ x", "no")
    )


def test_a_finding_keeps_between_processes_that_something_was_never_recorded() -> None:
    seen = (Evidence("$ a", "yes"), Unrecorded("$ b", "not-recorded"))
    sent = msgspec.to_builtins(Finding(Status.UNKNOWN, "it is open", evidence=seen))
    assert msgspec.convert(sent, Finding).unrecorded
    plain = Finding(Status.UNKNOWN, "it is open", evidence=seen[:1])
    assert not msgspec.convert(msgspec.to_builtins(plain), Finding).unrecorded
