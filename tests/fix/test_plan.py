"""A step comes after what it depends on; leaving one out takes its dependents along."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bpfdoctor.fix.plan import Step, commands_to_paste, order_steps, without_login


def step(name: str, *after: str) -> Step:
    return Step(id=name, kind="run", title=f"do {name}", argv=("true", name), after=after)


def test_a_step_comes_after_what_it_depends_on() -> None:
    names = [each.id for each in order_steps([step("b", "a"), step("c"), step("a")])]
    assert names == ["c", "a", "b"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="wait for one another"):
        order_steps([step("a", "b"), step("b", "a")])


def test_a_prerequisite_that_is_not_planned_is_met() -> None:
    assert order_steps([step("a", "elsewhere")])[0].id == "a"


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


@pytest.mark.parametrize(
    ("privileged", "sudo", "line"),
    [
        (True, True, "sudo env A='b c' D=e x"),
        (True, False, "A='b c' D=e x"),
        (False, True, "A='b c' D=e x"),
    ],
)
def test_what_is_typed_sets_the_environment_that_the_command_gets(
    privileged: bool, sudo: bool, line: str
) -> None:
    environment = {"A": "b c", "D": "e"}
    typed = Step("a", "run", "a", ("x",), privileged=privileged, environment=environment)
    assert typed.command(sudo=sudo) == line


@pytest.mark.usefixtures("user")
def test_a_user_is_told_what_is_roots_to_type() -> None:
    assert commands_to_paste("do", ["x", "y"]) == "do (as root):\n  x\n  y"
    assert commands_to_paste("do", ["x"], as_root=False) == "do:\n  x"


def test_root_is_not_told_to_be_root(needs: Callable[..., None]) -> None:
    needs("root")
    assert commands_to_paste("do", ["x"]) == "do:\n  x"
