"""The threads that checks run on: few, used again, and gone when the run is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bpfdoctor.api import Check, Context, Finding, passed
from bpfdoctor.engine.schedule import WORKERS, Nobody, run_checks
from bpfdoctor.testing import FakeHost, project_named

CONTEXT = Context(FakeHost(), project_named())


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def seen_by(checks: int, limit: float = 60) -> set[threading.Thread]:
    """The threads that so many checks run on."""
    threads: set[threading.Thread] = set()

    def look(context: Context) -> Finding:
        threads.add(threading.current_thread())
        return passed("seen")

    found = run_checks(
        [Check(f"a.c{number}", "", look, limit=limit) for number in range(checks)],
        CONTEXT,
        Nobody(),
    )
    assert len(found.by_key) == checks
    return threads


def test_many_checks_take_no_more_threads_than_may_run_at_a_time() -> None:
    assert len(seen_by(10 * WORKERS)) <= WORKERS


def test_no_thread_is_started_that_has_nothing_to_do() -> None:
    assert len(seen_by(1)) == 1


def test_checks_that_hang_take_no_thread_from_the_others() -> None:
    never = threading.Event()

    def hang(context: Context) -> None:
        never.wait()

    hanging = [Check(f"a.h{number}", "", hang, limit=0.05) for number in range(WORKERS)]
    behind = Check("a.last", "", lambda context: passed("ran"), excused_by=("a.h0",))
    found = run_checks([*hanging, behind], CONTEXT, Nobody())
    never.set()
    assert found.by_key["a.last"].summary == "ran"


class Leaves(Nobody):
    """An observer under which the run is stopped, as by a signal."""

    def finished(self, finding: Finding) -> None:
        raise KeyboardInterrupt


def test_a_run_that_is_stopped_leaves_no_thread_behind() -> None:
    checks = [Check(f"a.c{number}", "", lambda context: passed("ran")) for number in range(3)]
    with pytest.raises(KeyboardInterrupt):
        run_checks(checks, CONTEXT, Leaves())


def test_a_thread_that_is_free_is_given_one_check_and_not_two() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(context: Context) -> Finding:
        both.wait()
        return passed("met")

    first = Check("a.first", "", lambda context: passed("ran"))
    meeting = [Check(f"a.{side}", "", meet, ("a.first",)) for side in ("left", "right")]
    found = run_checks([first, *meeting], CONTEXT, Nobody())
    assert [finding.summary for finding in found] == ["ran", "met", "met"]
