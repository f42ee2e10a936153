"""Work under a time limit: a thread does it while the caller waits, and can be told to stop.

A signal's handler runs in the main thread only, and only where that thread waits or computes: what
may hang in the kernel (a network or FUSE file system) is left to another.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from bpfdoctor.host.question import A, Host, NoAnswer, Question

T = TypeVar("T")

TICK = 0.1
"""Seconds of one wait. A signal that comes just before a wait does not interrupt it: its handler
runs behind it."""


class TooLongError(Exception):
    """Work did not end within its time limit."""


def next_of(results: queue.SimpleQueue[T], seconds: float | None) -> T:
    """The next of some results, waited for at most so long. Raises queue.Empty after that."""
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        left = TICK if end is None else min(TICK, end - time.monotonic())
        try:
            return results.get(timeout=max(0.0, left))
        except queue.Empty:
            if left < TICK:
                raise


def within(seconds: float | None, work: Callable[[], T]) -> T:
    """What `work` returns or raises, done in a thread of its own; None: however long it takes.

    Raises TooLongError when the time is over. The work then goes on until the process ends. Where
    no more threads can be started, work without a limit is done in this one.
    """
    ended: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def do() -> None:
        try:
            ended.put((work(), None))
        except BaseException as error:  # noqa: BLE001  (raised again where it is waited for)
            ended.put((None, error))

    try:
        # A daemon: the interpreter must not wait at its end for work that hangs.
        threading.Thread(target=do, daemon=True).start()
    except RuntimeError:
        if seconds is not None:
            raise
        return work()
    try:
        result, error = next_of(ended, seconds)
    except queue.Empty:
        raise TooLongError(f"no end within {seconds:g} seconds") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


class Followed:
    """A host that knows which question it was asked last: what takes long has a name."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._last: Question[Any] | None = None
        self._open = False

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        self._last, self._open = question, True
        answer = self._host.ask(question)
        self._open = False
        return answer

    def place(self) -> str:
        """What is being waited for, or worked on, in words."""
        if self._last is None:
            return "nothing was asked yet"
        source = self._last.command() or self._last.source()
        if self._open:
            return f"there is no answer yet to `{source}`"
        return f"what `{source}` told takes too long to work out"


class LimitedHost:
    """A host for questions outside any check: `timed-out` where an answer takes too long."""

    def __init__(self, host: Host, seconds: float) -> None:
        self._host, self._seconds = host, seconds
        self._known: dict[Question[Any], Any] = {}

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`, within the limit."""
        if question not in self._known:
            self._known[question] = self._put(question)
        return self._known[question]  # type: ignore[no-any-return]

    def _put(self, question: Question[A]) -> A | NoAnswer:
        try:
            return within(self._seconds, lambda: self._host.ask(question))
        except TooLongError as error:
            return NoAnswer("timed-out", str(error))
