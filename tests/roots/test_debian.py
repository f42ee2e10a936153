"""Debian for real: a bare root is repaired by one command, and can be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.roots, pytest.mark.bpf]


@pytest.mark.parametrize(
    "suite",
    [
        "bookworm",
        "trixie",
        pytest.param("bullseye", marks=pytest.mark.releases),
        pytest.param("sid", marks=pytest.mark.releases),
    ],
)
def test_a_bare_root_is_repaired_and_taken_back(suite: str, make_root: Callable[..., Any]) -> None:
    root = make_root(suite)
    before = root.must("dpkg", "-l")
    assert root.bpfdoctor("check", "--no-smoke").returncode == 1

    declined = root.bpfdoctor("fix")
    assert declined.returncode == 1
    assert "apt-get install -y" in declined.stderr
    assert root.must("dpkg", "-l") == before

    fixed = root.bpfdoctor("fix", "--yes")
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    checked = root.bpfdoctor("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    again = root.bpfdoctor("fix", "--dry-run", "--json")
    assert (again.returncode, json.loads(again.stdout)["steps"]) == (0, [])

    undone = root.bpfdoctor("undo", "--yes")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert root.must("dpkg", "-l") == before


def test_an_ordinary_user_with_sudo_gets_to_the_proof(make_root: Callable[..., Any]) -> None:
    root = make_root("bookworm", ("sudo",))
    root.must("useradd", "-m", "user")
    home = {"HOME": "/home/user"}
    without = root.bpfdoctor("fix", "--yes", user="user", extra=home)
    assert without.returncode == 1, without.stderr
    assert "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y" in without.stdout

    root.inside("/etc/sudoers.d/user").write_text("user ALL=(ALL) NOPASSWD: ALL\n")
    fixed = root.bpfdoctor("fix", "--yes", user="user", extra=home)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert "proven by running" in fixed.stdout
