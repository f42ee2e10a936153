"""Work under a time limit: a thread does it while the caller waits, and can be told to stop.

A signal's handler runs in the main thread only, and only where that thread waits or computes: what
may hang in the kernel (a network or FUSE file system) is left to another.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from bpfdoctor.host.deadline import Deadline

T = TypeVar("T")

CHECK_LIMIT = 60.0
"""Seconds for a check that sets no limit of its own, and for what is found out before any runs."""

TICK = 0.1
"""Seconds of one wait. A signal that comes just before a wait does not interrupt it: its handler
runs behind it."""


class TooLongError(Exception):
    """Work did not end within its time limit."""


def next_of(results: queue.SimpleQueue[T], seconds: float | None) -> T:
    """The next of some results, waited for at most so long. Raises queue.Empty after that."""
    limit = None if seconds is None else Deadline(seconds)
    while True:
        try:
            return results.get(timeout=min(TICK, limit.wait()) if limit else TICK)
        except queue.Empty:
            if limit and limit.left() <= 0:
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
