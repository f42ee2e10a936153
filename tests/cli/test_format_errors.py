"""A place that fails, a run that fails, a plan that is declined: where each document goes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import jsonschema  # type: ignore[import-untyped]
import pytest

from bpfdoctor.report.schema import schema

Doctor = Callable[..., "CompletedProcess[str]"]
CHECK = ("check", "--no-smoke", "--only", "kernel.release")


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
