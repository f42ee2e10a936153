"""Loud skips: what a test cannot do without is named; where BPF is required, that is an error."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

REQUIRED = "BPFDOCTOR_REQUIRE_BPF"
"""Set to 1, as in CI: nothing that a test needs may be missing."""


def missing(what: str) -> NoReturn:
    """Skip for want of `what`; with BPFDOCTOR_REQUIRE_BPF=1 that is an error."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"missing, and {REQUIRED}=1: {what}")
    pytest.skip(f"needs {what}; {REQUIRED}=1 makes this an error")


def require(*names: str) -> None:
    """The tools of these names on PATH, and `root`; else a loud skip that names all that lack."""
    lacking = [name for name in names if name != "root" and shutil.which(name) is None]
    if "root" in names and os.geteuid() != 0:
        lacking.insert(0, "root")
    if lacking:
        missing(", ".join(lacking))
