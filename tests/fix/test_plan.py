"""A step comes after what it depends on; leaving one out takes its dependents along."""

from __future__ import annotations

import pytest

from bpfdoctor.fix.plan import Step, ordered, without_login


def step(name: str, *after: str) -> Step:
    return Step(id=name, kind="run", title=f"do {name}", argv=("true", name), after=after)


def test_a_step_comes_after_what_it_depends_on() -> None:
    names = [each.id for each in ordered([step("b", "a"), step("c"), step("a")])]
    assert names == ["c", "a", "b"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="wait for one another"):
        ordered([step("a", "b"), step("b", "a")])


def test_a_prerequisite_that_is_not_planned_is_met() -> None:
    assert ordered([step("a", "elsewhere")])[0].id == "a"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("clone https://me:secret@example.org/x", "clone https://example.org/x"),
        ("fetch a@b from ssh://git@example.org/x", "fetch a@b from ssh://example.org/x"),
        ("fetch it from ../x@y", "fetch it from ../x@y"),
    ],
)
def test_a_title_holds_no_login(title: str, shown: str) -> None:
    assert without_login(title) == shown
