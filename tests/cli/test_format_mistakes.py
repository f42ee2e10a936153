"""What --format refuses before the run, with the real command, and what it then writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from bpfdoctor.cli.files import refuse_unwritable
from bpfdoctor.errors import BpfDoctorError

Doctor = Callable[..., "CompletedProcess[str]"]
CHECK = ("check", "--no-smoke", "--only", "kernel.release")


MISTAKES: list[tuple[list[str], str]] = [
    (["--format", "text", "--format", "text"], "standard output takes one format"),
    (["--format", "text", "--format", "json"], "standard output takes one format, not text and js"),
    (["--format", "text=a", "--format", "text=a"], "name the same file"),
    (["--format", "text=a", "--format", "json=./a"], "name the same file"),
    (["--format", "text=a", "--record", "a"], "--record a and --format text=a name the same file"),
    (["--format", "text=a", "--from", "a"], "--from a and --format text=a name the same file"),
    (["--format", "jsn"], "did you mean json? the formats are json, text"),
    (["--format", "JSON"], "did you mean json?"),
    (["--format", "yaml"], "there is no format 'yaml'\nhint: the formats are json, text"),
    (["--format", "yaml=it"], "there is no format 'yaml'"),
    (["--format", "json.py"], "there is no format 'json.py'"),
    (["--format", "__init__"], "there is no format '__init__'"),
    (["--format", ""], "there is no format ''"),
    (["--format", "=a"], "there is no format ''"),
    (["--format", "text="], "--format text= names no file"),
    (["--format", "text=-"], "leave =FILE out"),
    (["--format", "text=/dev/stdout"], "leave =FILE out"),
    (["--format", "text=/dev/fd/1"], "leave =FILE out"),
    (["--format", "text=/proc/self/fd/1"], "leave =FILE out"),
    (["--format", "text=absent/a"], "cannot write absent/a: there is no directory absent"),
    (["--format", "text=."], "cannot write .: it is a directory"),
    (["--format"], "--format"),
]


@pytest.mark.parametrize(("arguments", "told"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    doctor: Doctor, tmp_path: Path, arguments: list[str], told: str
) -> None:
    ended = doctor("check", *arguments)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (ended.returncode, ended.stdout) == (2, "")
    assert os.listdir(tmp_path) == []


def test_a_link_that_leads_nowhere_is_refused_before_anything_is_asked(
    doctor: Doctor, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("absent/file")
    ended = doctor("check", "--format", "json=link")
    assert f"there is no directory {tmp_path}/absent" in ended.stderr
    assert (ended.returncode, ended.stdout) == (2, "")


def test_a_file_and_a_link_to_it_are_one_file(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("it")
    ended = doctor("list", "--format", "json=it", "--format", "text=link")
    assert ended.returncode == 2
    assert "name the same file" in ended.stderr
    assert not (tmp_path / "it").exists()


@pytest.mark.parametrize("name", ["text", "json"])
def test_the_flag_and_a_second_format_for_standard_output_are_refused(
    doctor: Doctor, name: str
) -> None:
    ended = doctor(*CHECK, "--format", name, "--json")
    assert ended.returncode == 2
    told = json.loads(ended.stdout)["error"]
    assert told["message"] == f"standard output takes one format, not json and {name}"
    assert f"--format {name}=FILE" in told["hint"]


def test_the_flag_said_twice_is_the_flag(doctor: Doctor) -> None:
    assert json.loads(doctor("list", "--json", "--json").stdout)


def test_undo_that_makes_no_plan_refuses_a_file_for_it(doctor: Doctor, tmp_path: Path) -> None:
    ended = doctor("undo", "--format", "json=it")
    assert (ended.returncode, ended.stdout, os.listdir(tmp_path)) == (2, "", [])
    assert "there is nothing to write to it" in ended.stderr
    assert doctor("undo", "--format", "json").returncode == 0


def test_a_directory_that_is_closed_to_this_user_is_refused_before_the_run(
    needs: Callable[..., None],
) -> None:
    needs("root")  # to be somebody else for once
    with tempfile.TemporaryDirectory() as shut:
        os.chmod(shut, 0o755)
        script = (
            "import locale, os, sys, bpfdoctor.cli.check, bpfdoctor.cli.examine\n"
            "import bpfdoctor.report.formats.json\n"
            "from bpfdoctor.cli import main\n"
            f"os.setuid(65534)\nsys.exit(main(['check', '--format', 'json={shut}/it']))"
        )
        argv = [sys.executable, "-c", script]
        ended = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
    assert f"cannot write {shut}/it: {shut} is not open to this user" in ended.stderr
    assert (ended.returncode, ended.stdout) == (2, "")


def test_a_link_of_anothers_is_refused_before_the_run(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    (tmp_path / "report.json").symlink_to("there")
    refuse_unwritable(str(tmp_path / "report.json"))
    os.lchown(tmp_path / "report.json", 12345, 12345)
    with pytest.raises(BpfDoctorError, match="is a link that belongs to user 12345"):
        refuse_unwritable(str(tmp_path / "report.json"))
