"""Debian for real: a bare root is repaired by one command, and can be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.roots


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_a_bare_root_is_repaired_and_taken_back(suite: str, make_root: Callable[..., Any]) -> None:
    root = make_root(suite)
    before = root.must("dpkg", "-l")
    assert root.bpfdoctor("check", "--no-smoke").returncode == 1

    fixed = root.bpfdoctor("fix", "--yes")
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert root.bpfdoctor("check").returncode == 0

    again = root.bpfdoctor("fix", "--dry-run", "--json")
    assert (again.returncode, json.loads(again.stdout)["steps"]) == (0, [])

    undone = root.bpfdoctor("undo", "--yes")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert root.must("dpkg", "-l") == before
