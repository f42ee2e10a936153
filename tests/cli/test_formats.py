"""`--format FORMAT[=FILE]` and `--json`, each line of the grammar, with the real command."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
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
    plain = doctor("check", "--no-smoke", "--only", "toolchain.cc", *named, environ=environ).stdout
    assert str(tools / "cc") in plain
    assert (tmp_path / "it.txt").read_text() == plain
    data = (tmp_path / "it.json").read_text()
    assert "~/bin/cc" in data
    assert str(tmp_path) not in data


MISTAKES: list[tuple[list[str], str]] = [
    (["--format", "text", "--format", "text"], "standard output takes one format"),
    (["--format", "text", "--format", "json"], "standard output takes one format, not text and js"),
    (["--format", "text=a", "--format", "text=a"], "name the same file"),
    (["--format", "text=a", "--format", "json=./a"], "name the same file"),
    (["--format", "text=a", "--record", "a"], "--record a and --format text=a name the same file"),
    (["--format", "text=a", "--from", "a"], "--from a and --format text=a name the same file"),
    (["--format", "jsn"], "did you mean json? the formats are json, text"),
    (["--format", "JSON"], "did you mean json?"),
    (["--format", "yaml"], "there is no format 'yaml'\nthe formats are json, text"),
    (["--format", "yaml=it"], "there is no format 'yaml'"),
    (["--format", "json.py"], "there is no format 'json.py'"),
    (["--format", "__init__"], "there is no format '__init__'"),
    (["--format", ""], "there is no format ''"),
    (["--format", "=a"], "there is no format ''"),
    (["--format", "text="], "--format text= names no file"),
    (["--format", "text=-"], "leave =FILE out"),
    (["--format", "text=/dev/stdout"], "leave =FILE out"),
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


@pytest.mark.parametrize("how", [("--json",), ()])
def test_a_file_that_cannot_be_written_in_the_end_costs_no_other_copy(
    doctor: Doctor, tmp_path: Path, how: tuple[str, ...]
) -> None:
    ended = doctor(*CHECK, *how, "--format", "json=/dev/full", "--format", "json=it")
    assert ended.returncode == 2
    assert "cannot write /dev/full: No space left on device" in ended.stderr
    assert json.loads((tmp_path / "it").read_text())["verdict"]
    assert "kernel.release" in ended.stdout
    assert "error" not in (json.loads(ended.stdout) if how else {})


def test_a_full_disk_under_standard_output_costs_no_file(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "bpfdoctor", *CHECK, "--json", "--format", "json=it"]
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, check=False, cwd=tmp_path)
    assert ended.returncode == 2
    assert json.loads((tmp_path / "it").read_text())["verdict"], "no error took its place"


@pytest.mark.parametrize(
    "arguments", [("--format", "json"), ("--format=json",), ("--format", "json=it")]
)
def test_a_mistake_is_a_document_wherever_json_was_to_go(
    doctor: Doctor, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = doctor("check", *arguments, "--only", "kernel.bft")
    in_file = tmp_path / "it"
    text = in_file.read_text() if in_file.exists() else ended.stdout
    jsonschema.validate(json.loads(text), schema())
    assert json.loads(text)["error"]["message"] == "there is no check called 'kernel.bft'"
    assert ended.returncode == 2
    assert bool(ended.stdout) != in_file.exists()


@pytest.mark.parametrize("arguments", [("--format", "json"), ("--format=json",)])
def test_an_option_that_there_is_not_is_a_document_too(
    doctor: Doctor, arguments: tuple[str, ...]
) -> None:
    ended = doctor("check", "--onyl", *arguments)
    assert json.loads(ended.stdout)["error"]["kind"] == "usage"


def test_a_mistake_is_no_text_document(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "it").write_text("of yesterday")
    ended = doctor("check", "--format", "text=it", "--only", "kernel.bft")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert (tmp_path / "it").read_text() == "of yesterday"


def test_an_error_of_our_own_is_a_document_in_the_file_as_well(tmp_path: Path) -> None:
    script = (
        "import sys\nimport bpfdoctor.cli.examine as cli\nfrom bpfdoctor.cli import main\n"
        "def broken(*given): raise LookupError('no such moon')\n"
        "cli.examine = broken\n"
        f"sys.exit(main([*{CHECK!r}, '--format', 'json=it']))"
    )
    argv = [sys.executable, "-c", script]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (5, "")
    assert json.loads((tmp_path / "it").read_text())["error"]["kind"] == "internal"


def test_a_plan_that_was_declined_is_said_once_and_written_where_it_was_asked_for(
    doctor: Doctor, tmp_path: Path
) -> None:
    ended = doctor("init", "new", "--format", "json=plan.json", "--format", "text=plan.txt")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert (tmp_path / "plan.txt").read_text() in ended.stderr
    assert json.loads((tmp_path / "plan.json").read_text())["steps"][-1]["id"] == "clone"


@pytest.mark.parametrize(("name", "where"), [("text", "stdout"), ("json", "stderr")])
def test_words_for_a_person_are_said_where_they_corrupt_no_data(name: str, where: str) -> None:
    script = (
        "from bpfdoctor.cli.destinations import Destination, Destinations\n"
        "from bpfdoctor.cli.stdout import Stdout\n"
        "places = Destinations(Stdout())\n"
        f"places.choose([Destination('json', 'it'), Destination({name!r})])\n"
        "places.words('sudo this\\n')"
    )
    argv = [sys.executable, "-c", script]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert getattr(ended, where) == "sudo this\n"
    assert ended.stdout + ended.stderr == "sudo this\n"


SHOUT = '''"""Loud: the verdict and nothing else."""

def report(document, paper):
    return document.report.verdict.summary.upper() + "\\\\n"
'''


@pytest.fixture
def shouting(tmp_path: Path) -> Doctor:
    """The real command with one more file beside the formats, and nothing else touched."""
    beside = tmp_path / "formats"
    beside.mkdir()
    (beside / "shout.py").write_text(SHOUT.replace("\\\\", "\\"))
    script = (
        "import sys\nfrom bpfdoctor.report import formats\n"
        f"formats.__path__.append({str(beside)!r})\n"
        "from bpfdoctor.cli import main\nsys.exit(main())"
    )

    def run(*arguments: str, **environ: str) -> CompletedProcess[str]:
        argv = [sys.executable, "-c", script, *arguments]
        env = {**os.environ, **environ}
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=tmp_path, env=env
        )

    return run


def test_a_file_that_is_dropped_beside_the_formats_is_one(shouting: Doctor, tmp_path: Path) -> None:
    ended = shouting(*CHECK, "--format", "shout", "--format", "shout=it")
    assert ended.stdout.startswith("READY: ")
    assert (tmp_path / "it").read_text() == ended.stdout


def test_a_new_format_is_listed_in_help_and_among_the_known(shouting: Doctor) -> None:
    assert "json, shout, text" in " ".join(shouting("check", "--help").stdout.split())
    assert "did you mean shout?" in shouting("check", "--format", "shot").stderr


def test_the_shell_completes_a_new_format_and_says_what_it_is(shouting: Doctor) -> None:
    words = "bpfdoctor check --format sh"
    asked = {"_C_COMPLETE": "zsh_complete", "COMP_WORDS": words, "COMP_CWORD": "3"}
    lines = shouting(**asked, _BPFDOCTOR_COMPLETE="zsh_complete").stdout.splitlines()
    assert lines == ["plain", "shout", "Loud: the verdict and nothing else."]


def test_a_document_that_a_format_has_no_function_for_is_refused_before_the_run(
    shouting: Doctor,
) -> None:
    ended = shouting("list", "--format", "shout=it")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "the format shout cannot write a list of checks and projects" in ended.stderr
    assert "these formats can: json, text" in ended.stderr
    assert "a plan" in shouting(*PLAN, "--format", "shout").stderr


def test_a_format_without_plans_does_for_a_fix_that_ends_in_a_report(shouting: Doctor) -> None:
    ended = shouting("fix", "kernel.bft", "--format", "shout")
    assert "there is no check called 'kernel.bft'" in ended.stderr
