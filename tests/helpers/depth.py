"""How long a fuzz test searches: a moment on every run, as many cases as asked for otherwise."""

from __future__ import annotations

import os

CASES = "BPFDOCTOR_FUZZ_CASES"
"""The number of cases of each fuzz test, in place of the few that every run tries."""


def cases(usual: int) -> int:
    """`usual`, or what the environment asks for."""
    return int(os.environ.get(CASES, usual))
