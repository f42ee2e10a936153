"""Several waits at a time: for what is answered by processes, and not by computing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4
"""Threads. Each waits for one process, and a machine has that many CPUs, or little to gain."""


def in_parallel(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What `function` makes of each item, in the order of the items.

    Raises what it raised for the first item for which it did.
    """
    made: dict[int, R] = {}
    errors: dict[int, Exception] = {}
    left = iter(enumerate(items))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                index, item = next(left, (-1, None))
            if index < 0:
                return
            try:
                made[index] = function(item)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001  (raised again below)
                errors[index] = error

    threads = [threading.Thread(target=work, daemon=True) for _ in items[1:AT_ONCE]]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [made[index] for index in range(len(items))]
