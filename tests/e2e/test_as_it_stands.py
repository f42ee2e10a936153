"""What is judged is the command that the user would type, where he stands; beside make itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from private_path import script

ROOT = Path(__file__).parents[2]
DOCTOR = (sys.executable, "-I", "-m", "bpfdoctor")
BUILD = ("--for", "minimal:build")


class Ran(NamedTuple):
    """How a command ended, and the report that it wrote."""

    status: int
    report: dict[str, Any]
    text: str

    @property
    def row(self) -> dict[str, Any]:
        """The only program that was asked for."""
        (row,) = [each for each in self.report["programs"] if each["selected"]]
        return dict(row)

    def failed(self) -> list[str]:
        """The keys that are needed and fail."""
        found = self.report["findings"]
        return [each["key"] for each in found if each["needed"] and each["status"] == "fail"]


@pytest.fixture
def doctor(tmp_path: Path) -> Callable[..., Ran]:
    """Run the real command in a directory, with a cache and a state of its own."""
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_STATE_HOME": str(tmp_path / "state")}

    def run(cwd: Path, *words: str, **variables: str) -> Ran:
        file = tmp_path / "report.json"
        environ = {**os.environ, **own, **variables}
        argv = (*DOCTOR, *words, "--format", f"json={file}")
        done = subprocess.run(
            argv, cwd=cwd, env=environ, capture_output=True, text=True, check=False
        )
        return Ran(done.returncode, json.loads(file.read_text()), done.stdout)

    return run


def make(checkout: Path, **variables: str) -> int:
    """What make itself says of `minimal`, in a copy: the exit status."""
    copy = checkout.parent / "made-by-make"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(checkout, copy, symlinks=True)
    environ = {**os.environ, **variables}
    words = ("make", "-C", str(copy / "examples/c"), "minimal")
    return subprocess.run(words, env=environ, capture_output=True, check=False).returncode


@pytest.fixture
def wrapped(tmp_path: Path) -> str:
    """A PATH whose first clang is a wrapper that adds an option which BPF does not know."""
    first = tmp_path / "first"
    first.mkdir()
    real = shutil.which("clang")
    script(first, "clang", f'exec {real} -fzero-call-used-regs=used-gpr "$@"')
    return f"{first}:{os.environ['PATH']}"


def test_where_plain_make_fails_and_another_works_both_are_said_and_it_is_not_ready(
    checkout: Path, doctor: Callable[..., Ran], wrapped: str
) -> None:
    assert make(checkout, PATH=wrapped) != 0
    ran = doctor(checkout, "check", *BUILD, PATH=wrapped)
    assert (ran.status, ran.failed()) == (1, ["toolchain.clang"])
    assert ran.row["stages"]["build"]["readiness"] == "not-ready"
    instead = ran.row["instead"]
    assert instead["stages"]["build"]["proof"] == "observed"
    assert instead["command"].startswith("make CLANG=/")
    assert ran.report["verdict"]["summary"].startswith("Not ready as it stands: toolchain.clang")
    assert f"with `{instead['command']}`" in ran.text


def test_the_variable_exported_is_the_users_own_command_and_is_ready(
    checkout: Path, doctor: Callable[..., Ran], wrapped: str
) -> None:
    real = shutil.which("clang") or ""
    assert make(checkout, PATH=wrapped, CLANG=real) == 0
    ran = doctor(checkout, "check", *BUILD, PATH=wrapped, CLANG=real)
    assert (ran.status, ran.failed()) == (0, [])
    assert ran.row["instead"] is None


def test_where_the_makefile_sets_it_the_variable_exported_does_not_count(
    checkout: Path, doctor: Callable[..., Ran], wrapped: str
) -> None:
    makefile = checkout / "examples/c/Makefile"
    makefile.write_text(makefile.read_text().replace("CLANG ?= clang", "CLANG := clang"))
    real = shutil.which("clang") or ""
    assert make(checkout, PATH=wrapped, CLANG=real) != 0
    ran = doctor(checkout, "check", "--no-smoke", *BUILD, PATH=wrapped, CLANG=real)
    assert (ran.status, ran.failed()) == (1, ["toolchain.clang"])
    (finding,) = [each for each in ran.report["findings"] if each["key"] == "toolchain.clang"]
    assert any("make CLANG=" in fix["text"] for fix in finding["fixes"])


def test_started_by_a_make_its_own_flags_are_not_taken_for_the_users(
    checkout: Path, doctor: Callable[..., Ran]
) -> None:
    tool = {"BPFTOOL": shutil.which("bpftool", path=f"{os.environ['PATH']}:/usr/sbin") or ""}
    outer = {"MAKELEVEL": "1", "MAKEFLAGS": " -- ARGS=-C\\ somewhere", "MAKEOVERRIDES": "${x}"}
    words = ("check", "--no-smoke", *BUILD)
    assert doctor(checkout, *words, **tool, **outer).status == 0
    assert doctor(checkout, *words, **tool, MAKEFLAGS=" -- CLANG=nothere").status == 3


def test_fix_ends_with_that_command_where_no_package_helps(
    checkout: Path, doctor: Callable[..., Ran], wrapped: str
) -> None:
    ran = doctor(checkout, "fix", "--yes", *BUILD, PATH=wrapped)
    assert ran.status == 1
    last = ran.text.rstrip().splitlines()[-1].removeprefix("| ")
    assert last.startswith("Not ready as it stands: ")
    assert "with `make CLANG=/" in last


def test_what_is_built_elsewhere_does_not_make_the_users_own_place_ready(
    checkout: Path, doctor: Callable[..., Ran]
) -> None:
    (checkout / "examples/c/.output").write_text("a file stands in the way\n")
    assert make(checkout) != 0
    ran = doctor(checkout, "check", *BUILD)
    assert (ran.status, ran.failed()) == (1, ["checkout.build-directory"])
    assert ran.row["stages"]["build"]["proof"] == "predicted"
    assert ran.row["instead"]["stages"]["build"]["proof"] == "observed"
    assert "in a directory of its own seen to build" in ran.report["verdict"]["summary"]


def test_a_path_that_make_splits_is_the_one_failure(
    checkout: Path, doctor: Callable[..., Ran], tmp_path: Path
) -> None:
    place = tmp_path / "My Projects"
    shutil.copytree(checkout, place, symlinks=True)
    ran = doctor(place, "check", *BUILD)
    assert (ran.status, ran.failed()) == (1, ["checkout.build-directory"])
    assert "a space" in ran.report["verdict"]["summary"]


def test_in_a_clone_of_ours_the_first_command_judges_the_machine(
    tmp_path: Path, doctor: Callable[..., Ran]
) -> None:
    tracked = subprocess.run(
        ("git", "-C", str(ROOT), "ls-files", "-z"), capture_output=True, check=True
    )
    for name in filter(None, tracked.stdout.decode().split("\0")):
        file = tmp_path / "clone" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, file)
    ran = doctor(tmp_path / "clone", "check", "--no-smoke")
    verdict = ran.report["verdict"]
    assert (ran.status, verdict["subject"], ran.report["project"]["name"]) == (
        0,
        "machine",
        "embedded",
    )
