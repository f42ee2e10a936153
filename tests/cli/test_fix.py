"""The commands that repair: what they show, and that nothing is done without consent."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from taken import without

from bpfdoctor.cli.self_command import own_command

BUILD = ("--for", "minimal:build", "--no-smoke")


@pytest.fixture
def without_zlib(
    tmp_path: Path, needs: Callable[..., None]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The real command where zlib's header was deleted, though dpkg says it is installed."""
    needs("root", "unshare", "clang", "cc", "make", "apt-get")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        import sys

        scratch = tmp_path / f"away-{len(list(tmp_path.iterdir()))}"
        scratch.mkdir()
        argv = [sys.executable, "-I", "-m", "bpfdoctor", *arguments]
        return subprocess.run(
            without(["/usr/include/zlib.h"], argv, scratch),
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    return run


Doctor = Callable[..., subprocess.CompletedProcess[str]]


def test_a_dry_run_is_the_plan_as_data_and_says_by_its_status_that_there_is_one(
    without_zlib: Doctor,
) -> None:
    done = without_zlib("fix", "--dry-run", "--json", *BUILD)
    assert done.returncode == 1, done.stderr
    plan = json.loads(done.stdout)
    assert plan["steps"] == []
    assert "--reinstall zlib1g-dev" in json.dumps(plan["manual"])


def test_what_only_a_person_can_do_is_shown_and_the_machine_is_still_not_ready(
    without_zlib: Doctor,
) -> None:
    done = without_zlib("fix", *BUILD)
    assert done.returncode == 1
    assert "To be done by hand" in done.stderr
    assert "--reinstall zlib1g-dev" in done.stderr
    assert "fail     libraries.zlib" in done.stdout


def test_only_the_finding_that_is_named_is_planned_for(without_zlib: Doctor) -> None:
    done = without_zlib("fix", "--dry-run", "--json", "toolchain.clang", *BUILD)
    assert done.returncode == 0
    assert json.loads(done.stdout)["steps"] == []


@pytest.mark.parametrize("name", ["toolchain.clnag", "toolchian", "toolchian[x]"])
def test_a_name_that_is_none_is_refused_with_the_near_miss(doctor: Doctor, name: str) -> None:
    done = doctor("fix", "--dry-run", name)
    assert done.returncode == 2
    assert "did you mean toolchain" in done.stderr


def test_a_finding_that_is_not_there_is_refused(doctor: Doctor) -> None:
    done = doctor("fix", "--dry-run", "checkout.submodules[nowhere]", *BUILD)
    assert done.returncode == 2
    assert "there is no finding called 'checkout.submodules[nowhere]'" in done.stderr


def test_a_group_names_its_checks(without_zlib: Doctor) -> None:
    done = without_zlib("fix", "--dry-run", "--json", "libraries", *BUILD)
    assert done.returncode == 1, done.stderr
    assert "--reinstall zlib1g-dev" in done.stdout


def test_nothing_to_undo_is_said_and_no_failure(doctor: Doctor) -> None:
    done = doctor("undo", "--yes")
    assert done.returncode == 0
    assert "nothing to take back" in done.stderr


def test_an_unknown_run_is_refused(doctor: Doctor) -> None:
    done = doctor("undo", "of-last-year")
    assert done.returncode == 2
    assert "there is no run of-last-year" in done.stderr


@pytest.mark.parametrize("url", ["ext::sh -c id", "--upload-pack=id"])
def test_init_refuses_an_address_that_runs_programs(doctor: Doctor, url: str) -> None:
    done = doctor("init", "new", "--yes", f"--from={url}")
    assert done.returncode == 2
    assert "not cloned" in done.stderr


def test_init_refuses_a_directory_that_holds_something(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine").touch()
    done = doctor("init", "there", "--yes")
    assert done.returncode == 2
    assert (tmp_path / "there/mine").exists()


def test_our_own_command_can_be_called_from_anywhere() -> None:
    assert os.path.isabs(own_command()[0])
