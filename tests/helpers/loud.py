"""Loud skips: what a test cannot do without is named; where BPF is required, that is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
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
    """What is named, else a loud skip that names all that lack.

    `root`; a header (`zlib.h`) that cc finds; else a tool on PATH. `unshare` has to work too.
    """
    lacking = [want for name in names if (want := _wanting(name))]
    if "root" in names and os.geteuid() != 0:
        lacking.insert(0, "root")
    if lacking:
        missing(", ".join(lacking))


def _wanting(name: str) -> str:
    """What is missing for `name` to be of use; empty if nothing is."""
    if name == "root":
        return ""
    if name.endswith(".h"):
        return "" if _compiles(name) else f"the header <{name}>"
    if shutil.which(name) is None:
        return name
    return _no_namespace() if name == "unshare" and os.geteuid() == 0 else ""


@cache
def _compiles(header: str) -> bool:
    argv = ("cc", "-fsyntax-only", "-x", "c", "-include", header, os.devnull)
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@cache
def _no_namespace() -> str:
    """What is missing for a mount namespace: a container may refuse it; a chroot has no root."""
    ended = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    return f"a mount namespace ({ended.stderr.strip()})" if ended.returncode else ""
