"""Work in a thread of its own, waited for no longer than its time limit."""

from __future__ import annotations

import queue
import threading

import pytest
from stuck import StuckHost

from bpfdoctor.host.limited import TICK, TooLongError, next_of, within
from bpfdoctor.host.limited_hosts import Followed, LimitedHost
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.facts import AskKernel, Kernel
from bpfdoctor.host.system.files import AskDirectory, LookAt
from bpfdoctor.testing import FakeHost

KERNEL = Kernel("6.1", "x86_64", "#1")


@pytest.fixture
def stuck() -> StuckHost:
    return StuckHost()


@pytest.mark.parametrize("seconds", [60, None])
def test_what_work_returns_or_raises_comes_back(seconds: float | None) -> None:
    assert within(seconds, lambda: 7) == 7
    with pytest.raises(KeyError, match="what it said"):
        within(seconds, lambda: dict[str, int]()["what it said"])


def test_work_is_done_in_another_thread_that_keeps_no_interpreter_alive() -> None:
    worker = within(60, threading.current_thread)
    assert worker is not threading.current_thread()
    assert worker.daemon


def test_where_no_thread_can_be_started_only_work_without_a_limit_is_done() -> None:
    before = threading.stack_size(1 << 47)  # more than a process may map
    try:
        assert within(None, threading.get_ident) == threading.get_ident()
        with pytest.raises(RuntimeError, match="start new thread"):
            within(60, threading.get_ident)
    finally:
        threading.stack_size(before)


def test_work_without_an_end_is_given_up(stuck: StuckHost) -> None:
    with pytest.raises(TooLongError, match=r"no end within 0\.01 seconds"):
        within(0.01, stuck.let_go.wait)
    stuck.let_go.set()


def test_what_takes_long_has_a_name(stuck: StuckHost) -> None:
    followed = Followed(stuck)
    assert followed.place() == "nothing was asked yet"
    with pytest.raises(TooLongError):
        within(0.5, lambda: followed.ask(AskDirectory("/here")))
    assert followed.place() == "there is no answer yet to `realpath /here`"
    stuck.let_go.set()


def test_work_on_an_answer_is_told_from_waiting_for_it() -> None:
    question = LookAt("/here/Makefile")
    followed = Followed(FakeHost({question: NoAnswer("ENOENT")}))
    followed.ask(question)
    assert followed.place() == "what `stat /here/Makefile` told takes too long to work out"


def test_an_answer_that_does_not_come_is_none(stuck: StuckHost) -> None:
    answer = LimitedHost(stuck, 0.01).ask(AskKernel())
    assert answer == NoAnswer("timed-out", "no end within 0.01 seconds")
    stuck.let_go.set()


def test_an_answer_is_waited_for_once() -> None:
    asked = FakeHost({AskKernel(): KERNEL})
    host = LimitedHost(asked, 60)
    assert [host.ask(AskKernel()), host.ask(AskKernel())] == [KERNEL, KERNEL]
    assert asked.asked == [AskKernel()]


def test_no_wait_is_so_long_that_a_signal_just_before_it_is_heeded_late() -> None:
    class Slow:
        """Has a result at the third look."""

        def __init__(self) -> None:
            self.waits: list[float] = []

        def get(self, timeout: float) -> int:
            self.waits.append(timeout)
            if len(self.waits) < 3:
                raise queue.Empty
            return 7

    for seconds in (60, None):
        slow = Slow()
        assert next_of(slow, seconds) == 7  # type: ignore[arg-type]
        assert slow.waits == [TICK] * 3
