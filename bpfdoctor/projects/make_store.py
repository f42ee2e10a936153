"""The variables of a makefile, as far as it has been read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bpfdoctor.projects.make_budget import Budget
from bpfdoctor.projects.make_marks import Unknowns, unmarked
from bpfdoctor.projects.make_values import (
    AUTOMATIC,
    BUILT_IN,
    NOT_TOLD,
    OWN,
    Outside,
    Variable,
)

LONGEST = 1 << 16
"""Characters that a value may have; a makefile may ask for more than there is memory."""


class Store(Unknowns):
    """What is set, and what a name is worth that nobody has set."""

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self.outside = outside
        self.variables: dict[str, Variable] = {}
        self.doubt = ""
        """Why it is not known whether make reads what is read now; empty where it does."""
        self.prefix = "\t"
        """What recipes begin with."""
        self._lost = ""
        self.budget = Budget()

    def spend(self, steps: int) -> None:
        """Count work. Raises NotFollowed where a makefile asks for too much."""
        self.budget.spend(steps)

    def lose(self, reason: str) -> None:
        """From here on nothing is known of any variable."""
        self._lost = self._lost or self.mark(reason)

    @contextlib.contextmanager
    def doubting(self, why: str) -> Iterator[None]:
        """Meanwhile it is not known whether make reads this (where there is a reason)."""
        before = self.doubt
        self.doubt = before or why
        try:
            yield
        finally:
            self.doubt = before

    def lookup(self, name: str) -> Variable | None:
        """The variable, None where nobody sets it; that somebody looks through it is counted."""
        if self._lost:
            return Variable(self._lost, simple=True)
        known = self.variables.get(name)
        self.spend(len(name) + len(known.text if known else ""))
        if known is not None:
            return known if known.set else None
        return None if name in AUTOMATIC else self._makes_own(name) or self._given(name)

    def _makes_own(self, name: str) -> Variable | None:
        """What the environment does not change."""
        if name == "CURDIR":
            return Variable(self.outside.directory or self.mark("$(CURDIR)"), simple=True)
        if name in NOT_TOLD:
            return Variable(self.mark(f"$({name})"), simple=True)
        return Variable(OWN[name]) if name in OWN else None

    def _given(self, name: str) -> Variable | None:
        """The environment's, else what make has built in."""
        if self.outside.withheld(name):
            return Variable(self.mark(f"${name} of the environment"), simple=True)
        given = self.outside.environment(name)
        if given is not None:
            return Variable(unmarked(given), origin="environment")
        return Variable(BUILT_IN[name], origin="default") if name in BUILT_IN else None

    def shortened(self, text: str, name: str) -> str:
        """Text as long as a value may be; else a mark."""
        return text if len(text) <= LONGEST else self.mark(f"{name}, which is too long")
