"""What all managers share: a version's first number, and a pattern of whole names."""

from __future__ import annotations

import re

import pytest
from manager_says import ManagerHost

from bpfdoctor.fix.managers.base import Package, ask, pattern_of


@pytest.mark.parametrize(
    ("candidate", "major"),
    [("1:14.0-55.7", 14), ("16.0.6-1", 16), ("19-1", 19), ("4.3", 4), ("r9", 0), ("", 0)],
)
def test_the_major_version_is_not_the_epoch(candidate: str, major: int) -> None:
    assert Package("", candidate).major == major


@pytest.mark.parametrize(
    ("name", "matches"),
    [("clang-16", True), ("clang-", False), ("clang-16-dev", False), ("libclang-16", False)],
)
def test_only_whole_names_match(name: str, matches: bool) -> None:
    assert bool(re.match(pattern_of("clang-{}"), name)) == matches


def test_a_command_that_a_signal_ended_has_said_nothing() -> None:
    assert ask(ManagerHost({"x y": (None, "text")}), "x", "y") is None
    assert ask(ManagerHost(), "x", "y") is None
    answer = ask(ManagerHost({"x y": (1, "text")}), "x", "y")
    assert answer is not None
    assert answer.stdout == "text"
