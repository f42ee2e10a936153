"""A bound on the work that a text of somebody else's may cause."""

from __future__ import annotations


class TooMuchError(Exception):
    """A source asks for more steps than are spent on it."""


class StepLimit:
    """What is left of the steps that reading some sources may take."""

    def __init__(self, most: int) -> None:
        self.left = most

    def spend(self, steps: int = 1) -> None:
        """Take steps. Raises TooMuchError where there are too few."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchError
