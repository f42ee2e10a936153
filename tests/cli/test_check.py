from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from bpfdoctor.report.schema import schema

Doctor = Callable[..., "CompletedProcess[str]"]
KERNEL = ("check", "--no-smoke", "--only", "kernel.release", "--only", "kernel.btf")


def report(run: CompletedProcess[str]) -> Any:
    document = json.loads(run.stdout)
    assert document["verdict"]["exit"] == run.returncode
    return document


def test_the_json_of_a_real_run_is_valid_by_the_schema(doctor: Doctor) -> None:
    document = report(doctor("check", "--no-smoke", "--json"))
    jsonschema.validate(document, schema())
    keys = [(f["id"].partition(".")[0], f["id"], f["about"]) for f in document["findings"]]
    assert keys == sorted(keys)


def test_only_what_was_asked_for_is_judged(doctor: Doctor) -> None:
    document = report(doctor("check", "--no-smoke", "--only", "kernel.release", "--json"))
    assert [each["id"] for each in document["findings"]] == ["kernel.release"]


def test_what_is_skipped_is_not_there(doctor: Doctor) -> None:
    document = report(doctor(*KERNEL, "--skip", "kernel.btf", "--json"))
    assert "kernel.btf" not in [each["id"] for each in document["findings"]]


def test_standard_error_is_silent_without_a_terminal(doctor: Doctor) -> None:
    run = doctor(*KERNEL)
    assert run.stderr == ""
    assert run.stdout.startswith("this machine, without a project\n")


def test_a_stage_that_is_selected_is_the_last_that_is_shown(doctor: Doctor) -> None:
    run = doctor("check", "--no-smoke", "--for", "minimal:build")
    readiness = run.stdout.partition("\nReadiness\n")[2]
    assert "| minimal  build: " in readiness
    assert "load" not in readiness.partition("\n\n")[0]


def test_a_recorded_machine_is_judged_as_it_was(doctor: Doctor, tmp_path: Path) -> None:
    live = report(doctor("check", "--no-smoke", "--json", "--record", "it"))
    replayed = report(doctor("check", "--json", "--from", "it"))
    for document in (live, replayed):
        del document["started"], document["seconds"]
    assert replayed == live
    assert (tmp_path / "it").stat().st_mode & 0o077 == 0


def test_what_was_not_asked_there_is_unknown(doctor: Doctor) -> None:
    doctor(*KERNEL, "--record", "it")
    chosen = ("--project", "libbpf-bootstrap", "--only", "toolchain.make")
    document = report(doctor("check", "--from", "it", *chosen, "--json"))
    (finding,) = [each for each in document["findings"] if each["id"] == "toolchain.make"]
    assert finding["status"] == "unknown"
    assert "not-recorded" in json.dumps(finding)
    assert document["verdict"]["exit"] == 3


def test_a_snapshot_asks_for_every_program(doctor: Doctor) -> None:
    run = doctor("snapshot", "-o", "it", "--no-smoke")
    assert (run.returncode, run.stdout) == (0, "")
    assert "wrote it" in run.stderr
    document = report(doctor("check", "--from", "it", "--for", "sockfilter", "--json"))
    assert "not-recorded" not in json.dumps(document["findings"])


def test_explain_shows_the_docstring_and_who_needs_it(doctor: Doctor) -> None:
    run = doctor("explain", "kernel.btf")
    assert run.returncode == 0
    assert run.stdout.startswith("kernel.btf: ")
    assert (
        "| an object, to load, that has CO-RE relocations; a program of kind `fentry`" in run.stdout
    )
    needed = doctor("explain", "toolchain.clang").stdout
    assert "  libbpf-bootstrap, to build: every program" in needed


def test_explain_takes_the_key_of_a_finding(doctor: Doctor) -> None:
    assert doctor("explain", "checkout.submodules[libbpf]").stdout.startswith("checkout.submod")


def test_every_need_that_is_listed_is_a_check_that_is_listed(doctor: Doctor) -> None:
    document = json.loads(doctor("list", "--json").stdout)
    ids = {check["id"] for check in document["checks"]}
    needs = {
        key.partition("[")[0]
        for project in document["projects"]
        for program in project["programs"]
        for keys in program["needs"].values()
        for key in keys
    }
    assert needs
    assert needs <= ids


def test_the_list_for_a_person_names_checks_projects_and_programs(doctor: Doctor) -> None:
    text = doctor("list").stdout
    for line in ("  kernel.btf", "project libbpf-bootstrap:", "  bootstrap (default): "):
        assert line in text


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("bpfdoctor expl", "explain"),
        ("bpfdoctor explain kernel.b", "kernel.btf"),
        ("bpfdoctor check --only toolchain.", "toolchain.clang"),
        ("bpfdoctor check --for boots", "bootstrap"),
        ("bpfdoctor check --for minimal:", "minimal:load"),
        ("bpfdoctor check --project lib", "libbpf-bootstrap"),
        ("bpfdoctor smoke mini", "minimal_ns"),
    ],
)
def test_the_shell_completes(doctor: Doctor, words: str, offered: str) -> None:
    environ = {
        "_BPFDOCTOR_COMPLETE": "zsh_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    assert offered in doctor(environ=environ).stdout.splitlines()
