from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import click
import jsonschema  # type: ignore[import-untyped]
import pytest

from bpfdoctor import __version__
from bpfdoctor.cli.app import COMMANDS, WIDEST, help_width
from bpfdoctor.report.schema import schema

Doctor = Callable[..., "CompletedProcess[str]"]
QUICK = ("--no-smoke", "--only", "kernel.release")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_examples(doctor: Doctor, command: str) -> None:
    run = doctor(command, "--help")
    assert run.returncode == 0
    assert f"Examples:\n    $ bpfdoctor {command}" in run.stdout
    assert run.stderr == ""


def test_the_version_is_told(doctor: Doctor) -> None:
    assert doctor("--version").stdout.strip() == f"bpfdoctor, version {__version__}"


@pytest.mark.parametrize("columns", ["", "0", "-1", "wide", "30", "52", "53", "80", "102", "300"])
def test_help_is_as_wide_as_click_would_have_it(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert help_width() == click.HelpFormatter(max_width=WIDEST).width


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chek"], "did you mean check?"),
        (["explain", "kernel.bft"], "did you mean kernel.btf?"),
        (["check", "--only", "kernel.bft"], "did you mean kernel.btf?"),
        (["check", "--skip", "toolchain.clan"], "did you mean toolchain.clang?"),
        (["check", "--for", "minimall"], "did you mean minimal?"),
        (["check", "--for", "minimal:lode"], "the stages are build, load, attach, fires"),
        (["check", "--project", "libbpf-bootstap"], "did you mean libbpf-bootstrap?"),
        (["check", "--jsn"], "--json"),
        (["check", "--only"], "see bpfdoctor check --help"),
        (["smoke", "bootstrp"], "did you mean bootstrap?"),
        (["check", "--from", ""], "'--from': it names nothing"),
        (["check", "-C", ""], "'-C': it names nothing"),
        (["programs", "--object", ""], "'--object': it names nothing"),
        (["smoke", ""], "it names nothing"),
        (["init", "new", "--from", ""], "'--from': it names nothing"),
        (["check", "-C", "absent"], "cannot look at absent: ENOENT"),
        (["check", "-C", os.devnull], f"{os.devnull} is not a directory"),
        (["check", "-C", "nul\0l"[:3] + "\udcff"], "cannot look at"),
        (["check", "--from", "absent"], "cannot read the snapshot absent"),
        (["check", "--from", "x", "--record", "y"], "--from judges another machine"),
        (["snapshot", "-o", "absent/file", *QUICK[:1]], "cannot write absent/file"),
        (["check", "--record", "absent/file"], "cannot write absent/file: there is no directory"),
        (["check", "--record", "."], "cannot write .: it is a directory"),
        (["snapshot"], "-o"),
        ([], "Missing command"),
    ],
)
def test_a_mistake_gets_a_sentence_and_exit_status_2(
    doctor: Doctor, arguments: list[str], told: str
) -> None:
    run = doctor(*arguments)
    assert told in run.stderr
    assert "Traceback" not in run.stderr
    assert (run.returncode, run.stdout) == (2, "")


def test_with_json_a_mistake_is_a_document_too(doctor: Doctor) -> None:
    run = doctor("check", "--json", "--only", "kernel.bft")
    document = json.loads(run.stdout)
    jsonschema.validate(document, schema())
    assert document["error"] == {
        "kind": "usage",
        "message": "there is no check called 'kernel.bft'",
        "hint": "did you mean kernel.btf?",
    }
    assert run.returncode == 2


@pytest.mark.parametrize("content", ["", "{", '{"schema": 1, "answers": [', "[]", "\0\xff", '"x"'])
def test_a_file_that_is_no_snapshot_is_refused_in_a_sentence(
    doctor: Doctor, tmp_path: Path, content: str
) -> None:
    (tmp_path / "it").write_text(content, encoding="latin-1")
    run = doctor("check", "--from", "it")
    assert run.returncode == 2
    assert "it" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_snapshot_of_a_newer_schema_is_refused(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "it").write_text('{"schema": 99, "answers": []}')
    run = doctor("check", "--from", "it")
    assert run.returncode == 2
    assert "schema 99" in run.stderr


def test_a_directory_that_this_user_cannot_read_is_told(needs: Callable[..., None]) -> None:
    needs("root")  # to be somebody else for once
    with tempfile.TemporaryDirectory() as shut:  # mode 0700, root's
        script = (
            "import difflib, locale, os, sys, bpfdoctor.cli.examine, bpfdoctor.host.cache\n"
            "from bpfdoctor.cli import main\n"
            f"os.setuid(65534)\nsys.exit(main(['check', '-C', {shut!r}]))"
        )
        run = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd="/"
        )
    assert f"{shut} cannot be read by this user\nhint: it belongs to uid 0" in run.stderr
    assert run.returncode == 2


def test_no_path_and_a_home_that_does_not_exist_still_end_in_a_verdict(doctor: Doctor) -> None:
    run = doctor("check", *QUICK, environ={"PATH": "", "HOME": "/nonexistent"})
    assert "kernel.release" in run.stdout
    assert run.returncode == 0


def test_a_working_directory_that_somebody_removed_is_no_matter(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom bpfdoctor.cli import main\n"
        f"os.mkdir({str(tmp_path / 'gone')!r})\nos.chdir({str(tmp_path / 'gone')!r})\n"
        f"os.rmdir({str(tmp_path / 'gone')!r})\nsys.exit(main(['list']))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False
    )  # -I: without, Python 3.13 itself looks for its modules in the directory that is gone
    assert (run.returncode, run.stderr) == (0, "")
    assert "kernel.btf" in run.stdout


def test_a_directory_whose_name_is_not_utf8_is_refused_in_a_sentence(
    doctor: Doctor, tmp_path: Path
) -> None:
    place = os.fsencode(tmp_path) + b"/x\xff"
    os.mkdir(place)
    run = doctor("check", *QUICK, "-C", os.fsdecode(place))
    assert run.returncode == 2
    assert "its path is not UTF-8" in run.stderr


def test_beside_a_path_that_is_not_utf8_proofs_are_still_remembered(
    doctor: Doctor, tmp_path: Path
) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/x\xff")
    path = f"{os.fsdecode(os.fsencode(tmp_path) + b'/x' + bytes([255]))}:{os.environ['PATH']}"
    chosen = ("--project", "libbpf-bootstrap", "--only", "toolchain.cc")
    run = doctor("check", "--no-smoke", *chosen, environ={"PATH": path})
    assert "the check itself broke" not in run.stdout
    assert run.returncode in (0, 1)


def test_a_snapshot_that_cannot_be_written_costs_no_report(doctor: Doctor) -> None:
    run = doctor("check", *QUICK, "--json", "--record", "/dev/full")
    assert run.returncode == 2
    assert json.loads(run.stdout)["verdict"]["exit"] in (0, 1, 3)
    assert "cannot write /dev/full: No space left on device" in run.stderr
