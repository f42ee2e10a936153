"""A proof is sought in lines of a bounded length: the pattern is another's, and so is the text."""

from __future__ import annotations

import re

import pytest

from bpfdoctor.smoke.proof import LONGEST, proof_in


@pytest.mark.parametrize(("before", "found"), [(LONGEST - 2, True), (LONGEST - 1, False)])
def test_a_proof_behind_the_end_of_what_is_looked_at_is_none(before: int, found: bool) -> None:
    line = f"{' ' * before}ok\n"
    assert proof_in(["no", line], re.compile("ok")) == ("ok" if found else "")


def test_a_slow_pattern_meets_no_long_line() -> None:
    assert proof_in(["a" * 50_000_000], re.compile(r"(?=a.*b)x|a.*b")) == ""
