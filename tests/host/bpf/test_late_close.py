"""Events that are closed later, on the real kernel: who closes them, and what is left here."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfdoctor.host.bpf import late_close
from bpfdoctor.host.bpf.late_close import CLOSING, close_later, finish
from bpfdoctor.host.bpf.perf import COUNT_SW_DUMMY, TYPE_SOFTWARE, open_event

pytestmark = pytest.mark.bpf


@pytest.fixture
def event(kernel: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A perf event that is the test's to close; what is held is, until the test says so."""
    finish()
    monkeypatch.setattr(late_close, "AFTER", 600)
    monkeypatch.setattr(late_close._HELD, "_taken", 0)
    yield open_event(TYPE_SOFTWARE, COUNT_SW_DUMMY)
    finish()


def opened() -> list[str]:
    """What this process has open of bpf(2) and perf_event_open(2)."""
    names: list[str] = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread closes it
            names.append(os.readlink(link))
    return sorted(each for each in names if each.startswith(("anon_inode:bpf", "anon_inode:[perf")))


def closers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == CLOSING]


def refuse(*_: object) -> int:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_the_kernel_holds_it_and_no_thread_waits(event: int) -> None:
    close_later(event)
    assert opened() == ["anon_inode:bpf-map"]
    assert not closers()
    finish()
    assert not opened()


def test_two_are_let_go_of_together(event: int) -> None:
    close_later(os.dup(event))
    close_later(event)
    assert opened() == ["anon_inode:bpf-map"] * 2
    finish()
    assert not opened()


def test_without_maps_a_thread_closes_it_and_the_interpreter_waits_for_that(
    event: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_close, "create_map", refuse)
    go, close = threading.Event(), os.close
    monkeypatch.setattr(os, "close", lambda each: close(each) if go.wait(20) else None)
    close_later(event)
    assert [each.daemon for each in closers()] == [False]
    go.set()
    finish()
    assert not opened()


def test_a_map_that_takes_no_event_is_closed(event: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_close, "update", refuse)
    close_later(event)
    finish()
    assert not opened()


def test_where_memory_is_limited_it_is_closed_here(
    event: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_close, "memory_is_limited", lambda: True)
    close_later(event)
    assert not opened()


def test_no_more_are_left_to_the_kernel_than_it_closes_soon(
    event: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_close, "MOST", 2)
    for _ in range(3):
        close_later(os.dup(event))
    close_later(event)
    assert opened().count("anon_inode:bpf-map") == 2
    finish()
    close_later(open_event(TYPE_SOFTWARE, COUNT_SW_DUMMY))
    assert "anon_inode:bpf-map" not in opened(), "it is counted for as long as the process lives"
    finish()
    assert not opened()


def test_where_descriptors_are_few_none_is_spent(
    event: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = (late_close.ENOUGH - 1, late_close.ENOUGH)
    monkeypatch.setattr("bpfdoctor.host.bpf.late_close.resource.getrlimit", lambda _: few)
    close_later(event)
    assert "anon_inode:bpf-map" not in opened()
    finish()
    assert not opened()


def test_each_time_that_some_are_held_they_are_let_go_of(
    event: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[threading.Timer] = []

    def start(timer: threading.Timer) -> None:
        started.append(timer)

    monkeypatch.setattr(threading.Timer, "start", start)
    close_later(os.dup(event))
    close_later(os.dup(event))
    assert [(each.interval, each.daemon) for each in started] == [(600, True)]
    started[0].function()
    assert opened() == ["anon_inode:[perf_event]"], "the test's own"
    close_later(event)
    assert len(started) == 2
    started[1].function()
    assert not opened()


def test_without_threads_it_is_closed_here(event: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_threads(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_threads)
    close_later(event)
    assert not opened()


def test_a_fork_closes_its_copies(event: int) -> None:
    close_later(event)
    pid = os.fork()
    if pid == 0:
        os._exit(len(opened()))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert opened() == ["anon_inode:bpf-map"]
