"""The window of a trace instance of our own, which has the same files as the global trace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.leash import LeashedCommand
from bpfdoctor.host.process import in_own_session
from bpfdoctor.host.system.trace import open_trace, tracefs_path
from bpfdoctor.host.system.trace_window import EVENT, AskTraceWindow, TraceWindow, look

pytestmark = pytest.mark.bpf


@pytest.fixture
def place(kernel: None) -> Iterator[Path]:
    with open_trace() as trace:
        yield trace.path


def test_an_open_window_is_seen_as_open(place: Path) -> None:
    assert look(str(place)) == TraceWindow(str(place), on=True)


def test_tracing_that_is_switched_off_is_seen(place: Path) -> None:
    (place / "tracing_on").write_text("0")
    assert look(str(place)).on is False


def test_the_trigger_that_switches_it_off_is_named(place: Path) -> None:
    trigger = place / "events/sched/sched_process_exec/trigger"
    trigger.write_text("traceoff")
    (place / "tracing_on").write_text("0")
    try:
        found = look(str(place)).shutters
    finally:
        trigger.write_text("!traceoff")
    assert found == ("events/sched/sched_process_exec/trigger: traceoff:unlimited",)


@pytest.mark.parametrize(
    ("file", "text", "shown"),
    [
        ("set_event_pid", "1", "set_event_pid: 1"),
        (f"{EVENT}/filter", "common_pid == 1", f"{EVENT}/filter: common_pid == 1"),
    ],
)
def test_what_keeps_lines_out_is_named(place: Path, file: str, text: str, shown: str) -> None:
    (place / file).write_text(text)
    assert look(str(place)).narrowed == (shown,)


@pytest.mark.parametrize("file", ["trace_pipe", "per_cpu/cpu0/trace_pipe_raw"])
def test_whoever_else_reads_it_is_named(place: Path, file: str) -> None:
    # The shell has opened it when it says so; then it waits for its own end.
    script = f"exec 3< {place}/{file}; echo; exec sleep 60"
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    reader = LeashedCommand(
        ["sh", "-c", script], stdout=theirs, stderr=nothing, cwd=Path("/"), environ=os.environ
    )
    with in_own_session(reader):
        os.close(theirs)
        assert os.read(ours, 1)
        found = look(str(place))
    os.close(ours)
    os.close(nothing)
    assert any(each.endswith(f"(PID {reader.pid})") for each in found.readers)
    if file == "trace_pipe":
        assert found.refused in ("EBUSY", "")  # "" before Linux 6.6


def test_our_own_instance_does_not_stand_for_the_global_trace(place: Path, live: LiveHost) -> None:
    (place / "tracing_on").write_text("0")
    found = live.ask(AskTraceWindow())
    assert isinstance(found, TraceWindow)
    assert found.place == tracefs_path()
    assert found.on is True
