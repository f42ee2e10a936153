"""Which variables a failure is put down to."""

from __future__ import annotations

import pytest

from bpfdoctor.judging.tools.steering import Names, Tried, cause_of
from bpfdoctor.model import Evidence

ALL = ("A", "B", "C")


def step_that_needs_gone(*needed: str, otherwise: bool | None = False):  # type: ignore[no-untyped-def]
    """It works where these are left out."""

    def step(left_out: Names) -> Tried:
        works = True if set(needed) <= set(left_out) else otherwise
        return Tried(works, Evidence(" ".join(left_out), str(works)), "why")

    return step


@pytest.mark.parametrize(
    ("needed", "named"),
    [((), None), (("B",), ("B",)), (("A", "C"), ("A", "C")), (ALL, ALL), (("D",), None)],
)
def test_the_fewest_variables_are_named(needed: Names, named: Names | None) -> None:
    cause = cause_of(step_that_needs_gone(*needed), ALL)
    assert (cause and cause.variables) == named


def test_without_an_answer_nothing_is_put_down_to_anything() -> None:
    assert cause_of(step_that_needs_gone("A", otherwise=None), ALL) is None


def test_the_attempt_that_failed_and_the_one_that_worked_are_shown() -> None:
    cause = cause_of(step_that_needs_gone("A", "B"), ALL)
    assert cause is not None
    assert [each.source for each in cause.seen] == ["", "A B"]
