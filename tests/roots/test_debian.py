"""Debian for real: a bare root is repaired by one command, and can be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

PROJECT = ("--project", "libbpf-bootstrap")
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
    assert root.bpfdoctor("check", "--no-smoke", *PROJECT).returncode == 1

    declined = root.bpfdoctor("fix", *PROJECT)
    assert declined.returncode == 1
    assert "apt-get install -y" in declined.stderr
    assert root.must("dpkg", "-l") == before

    shown = json.loads(root.bpfdoctor("fix", "--dry-run", "--json", *PROJECT).stdout)["steps"]
    fixed = root.bpfdoctor("fix", "--yes", *PROJECT)
    assert fixed.returncode == 3, fixed.stdout + fixed.stderr  # for there are no sources to build
    assert executed(root)[: len(shown)] == [step["argv"] for step in shown]
    checked = root.bpfdoctor("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    again = root.bpfdoctor("fix", "--dry-run", "--json", *PROJECT)
    assert (again.returncode, json.loads(again.stdout)["steps"]) == (0, [])

    undone = root.bpfdoctor("undo", "--yes")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert root.must("dpkg", "-l") == before


def executed(root: Any) -> list[list[str]]:
    """What the only run executed, as its journal has it."""
    (path,) = root.inside("/root/.local/state/bpfdoctor").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["argv"] for line in lines if line["event"] == "start"]


def test_an_ordinary_user_with_sudo_gets_to_the_proof(make_root: Callable[..., Any]) -> None:
    root = make_root("bookworm", ("sudo",))
    root.must("useradd", "-m", "user")
    home = {"HOME": "/home/user"}
    without = root.bpfdoctor("fix", "--yes", user="user", extra=home)
    assert without.returncode == 1, without.stderr
    assert "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y" in without.stdout

    as_data = root.bpfdoctor("fix", "--yes", "--json", user="user", extra=home)
    assert json.loads(as_data.stdout)["verdict"]["exit"] == 1
    assert "sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y" in as_data.stderr
    sudo = root.inside("/usr/bin/sudo")
    sudo.rename(sudo.with_name("sudo.away"))
    bare = root.bpfdoctor("fix", "--yes", user="user", extra=home)
    assert bare.stdout.startswith("  As root:\n  $ DEBIAN_FRONTEND=noninteractive apt-get update\n")
    sudo.with_name("sudo.away").rename(sudo)

    root.inside("/etc/sudoers.d/user").write_text("user ALL=(ALL) NOPASSWD: ALL\n")
    fixed = root.bpfdoctor("fix", "--yes", user="user", extra=home)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert "proven by running" in fixed.stdout
    again = root.bpfdoctor("fix", "--yes", user="user", extra=home)
    assert "Proving it as root: /opt/bpfdoctor/bin/bpfdoctor check --sudo" in again.stderr
