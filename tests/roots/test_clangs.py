"""One clang among several, with Debian's own compilers: bullseye has 9, 11, 13 and 16."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = ("--project", "libbpf-bootstrap")
pytestmark = [pytest.mark.roots, pytest.mark.releases, pytest.mark.bpf]
DRIVE = Path(__file__).with_name("drive.py")


def become_clang(root: Any, name: str) -> None:
    """Let a versioned compiler be the default, as update-alternatives does."""
    root.inside("/usr/bin/clang").symlink_to(name)


def clang_of(root: Any) -> dict[str, Any]:
    """The finding about clang."""
    report = json.loads(root.bpfdoctor("check", "--no-smoke", "--json", *PROJECT).stdout)
    (finding,) = (each for each in report["findings"] if each["key"] == "toolchain.clang")
    return dict(finding)


def planned(root: Any, *capabilities: str) -> dict[str, Any]:
    """The installing step of a plan for these."""
    ended = root.run("/opt/bpfdoctor/bin/python", "/opt/drive.py", "plan", *capabilities)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return dict(json.loads(ended.stdout)["plan"]["steps"][-1])


def test_a_newer_clang_beside_one_that_is_too_old_is_named(make_root: Callable[..., Any]) -> None:
    root = make_root("bullseye", ("clang-9", "clang-13", "clang-16"))
    become_clang(root, "clang-9")
    finding = clang_of(root)
    assert finding["status"] == "fail"
    assert "clang is version 9.0.1; 11 is the oldest that will do" in finding["summary"]
    assert "clang-16 works" in finding["summary"]
    assert "make CLANG=clang-16" in json.dumps(finding["fixes"])

    root.must("apt-get", "purge", "-y", "clang-16")
    assert "make CLANG=clang-13" in json.dumps(clang_of(root)["fixes"])


def test_the_newest_clang_is_planned_where_the_default_is_too_old(
    make_root: Callable[..., Any],
) -> None:
    root = make_root("bullseye", ("clang-9",))
    become_clang(root, "clang-9")
    shutil.copy(DRIVE, root.inside("/opt/drive.py"))
    assert clang_of(root)["status"] == "fail"
    root.must("apt-get", "update")
    step = planned(root, "clang>=12")
    assert step["packages"] == ["clang-16"]
    assert step["notes"] == ["clang is too old: clang-16 instead"]

    assert planned(root, "clang>=11")["packages"] == ["clang"]  # 11 is the default there
    fixed = root.bpfdoctor("fix", "--yes", "--no-smoke", *PROJECT)
    finding = clang_of(root)
    assert finding["status"] == "pass", fixed.stdout + fixed.stderr
    assert finding["summary"].startswith("clang 11.")
