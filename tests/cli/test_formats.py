"""`--format FORMAT[=FILE]` and `--json`, each line of the grammar, with the real command."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import jsonschema  # type: ignore[import-untyped]
import pytest

from bpfdoctor.report.schema import schema

Doctor = Callable[..., "CompletedProcess[str]"]
CHECK = ("check", "--no-smoke", "--only", "kernel.release")
PLAN = ("fix", "--dry-run", "--no-smoke", "--for", "minimal:build")
WRITES = [
    CHECK,
    ("programs", "--project", "libbpf-bootstrap"),
    ("list",),
    PLAN,
    ("undo", "--dry-run"),
    ("init", "new", "--dry-run"),
]
"""A run of each command that has --json; of `smoke`, no two are alike."""
SMOKE = ("smoke", "minimal", "--project", "libbpf-bootstrap")


def timeless(text: str) -> str:
    """The report without what differs from run to run."""
    return re.sub(r'"(started|seconds)": [^\n]*', "", text)


def by_command(value: object) -> str:
    return str(value[0]) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("command", WRITES, ids=by_command)
def test_json_by_its_name_is_what_the_flag_prints(doctor: Doctor, command: tuple[str, ...]) -> None:
    flag, name = doctor(*command, "--json"), doctor(*command, "--format", "json")
    assert timeless(name.stdout) == timeless(flag.stdout)
    assert (name.returncode, name.stderr) == (flag.returncode, flag.stderr)


@pytest.mark.parametrize("command", [*WRITES, SMOKE], ids=by_command)
def test_a_file_gets_the_document_and_standard_output_the_text(
    doctor: Doctor, command: tuple[str, ...], tmp_path: Path
) -> None:
    plain, both = doctor(*command), doctor(*command, "--format", "json=it.json")
    assert both.stdout.splitlines()[:1] == plain.stdout.splitlines()[:1]
    assert both.returncode == plain.returncode
    assert isinstance(json.loads((tmp_path / "it.json").read_text()), dict)
    assert not list(tmp_path.glob(".it*")), "nothing half-written is left"


def test_a_report_in_a_file_is_valid_by_the_schema(doctor: Doctor, tmp_path: Path) -> None:
    ended = doctor(*CHECK, "--format", "json=it.json")
    document = json.loads((tmp_path / "it.json").read_text())
    jsonschema.validate(document, schema())
    assert document["verdict"]["exit"] == ended.returncode
    assert ended.stderr == ""


def test_text_by_its_name_is_what_is_printed_anyway(doctor: Doctor) -> None:
    assert doctor(*CHECK, "--format=text").stdout == doctor(*CHECK).stdout


def test_json_to_standard_output_goes_with_text_to_a_file(doctor: Doctor, tmp_path: Path) -> None:
    both = doctor(*CHECK, "--json", "--format", "text=report.txt")
    assert json.loads(both.stdout)["verdict"]["exit"] == both.returncode
    assert (tmp_path / "report.txt").read_text() == doctor(*CHECK).stdout


def test_each_of_several_files_gets_its_format(doctor: Doctor, tmp_path: Path) -> None:
    named = ("--format", "json=a", "--format", "text=b", "--format", "json=c")
    plain = doctor(*CHECK, *named).stdout
    assert (tmp_path / "b").read_text() == plain
    assert (tmp_path / "a").read_text() == (tmp_path / "c").read_text()
    assert json.loads((tmp_path / "a").read_text())


def test_a_file_name_may_hold_an_equals_sign(doctor: Doctor, tmp_path: Path) -> None:
    doctor(*CHECK, "--format", "text=a=b")
    assert (tmp_path / "a=b").read_text() == doctor(*CHECK).stdout


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_file_is_for_whom_the_umask_lets(
    doctor: Doctor, tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        doctor("list", "--format", "json=it.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "it.json").stat().st_mode) == mode


def test_what_a_file_held_before_is_replaced_through_a_link(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x" * 100_000)
    (tmp_path / "link").symlink_to("real")
    doctor("list", "--format", "json=link")
    assert json.loads((tmp_path / "real").read_text())
    assert (tmp_path / "link").is_symlink()


def test_only_what_is_data_is_redacted(doctor: Doctor, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "cc").write_text('#!/bin/sh\necho "$0 is broken" >&2\nexit 1\n')
    (tools / "cc").chmod(0o755)
    environ = {"HOME": str(tmp_path), "PATH": str(tools)}
    named = ("--format", "json=it.json", "--format", "text=it.txt")
    chosen = ("--project", "libbpf-bootstrap", "--only", "toolchain.cc")
    plain = doctor("check", "--no-smoke", *chosen, *named, environ=environ).stdout
    assert str(tools / "cc") in plain
    assert (tmp_path / "it.txt").read_text() == plain
    data = (tmp_path / "it.json").read_text()
    assert "~/bin/cc" in data
    assert str(tmp_path) not in data


def test_text_shows_paths_and_no_secret(doctor: Doctor, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    said = "$0: TOKEN=the-secret https://me:password-7@h.example/x is broken"
    (tools / "cc").write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
    (tools / "cc").chmod(0o755)
    chosen = ("--project", "libbpf-bootstrap", "--only", "toolchain.cc")
    text = doctor("check", "--no-smoke", *chosen, environ={"PATH": str(tools)}).stdout
    assert f"{tools}/cc: TOKEN=$SECRET https://$SECRET@h.example/x is broken" in text
