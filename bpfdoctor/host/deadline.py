"""A time limit for whoever looks at it often, which stands still while nobody can look."""

from __future__ import annotations

import time
from collections.abc import Callable

GAP = 2.0
"""Seconds between two looks that count. Whoever waits looks once a second at least: what is longer,
we were stopped (Ctrl-Z, SIGSTOP, a frozen cgroup), and what we wait for may have been too."""

LOOK = 1.0
"""Seconds after which to look again."""


class Deadline:
    """`seconds` from now, without the time in which this process was stopped."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left, self._seen = seconds, clock()

    def left(self) -> float:
        """The seconds that are left; none or fewer when it has passed."""
        now = self._clock()
        self._left -= min(now - self._seen, GAP)
        self._seen = now
        return self._left

    def wait(self) -> float:
        """How long to wait until the next look."""
        return max(0.0, min(self.left(), LOOK))
