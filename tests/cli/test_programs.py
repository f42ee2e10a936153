"""The readiness table as a command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Doctor = Callable[..., subprocess.CompletedProcess[str]]


def test_every_program_has_a_row_and_every_stage_a_cell(doctor: Doctor) -> None:
    done = doctor("programs", "--json", "--project", "libbpf-bootstrap")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    names = {row["name"] for row in report["programs"]}
    assert {"minimal", "bootstrap", "kprobe", "lsm", "profile"} <= names
    for row in report["programs"]:
        assert list(row["stages"]) == ["build", "load", "attach", "fires"]
        for stage in row["stages"].values():
            assert stage["proof"] != "observed"
            assert bool(stage["because"]) == (stage["readiness"] != "ready")


def test_the_table_needs_no_compiler(
    doctor: Doctor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nothing = tmp_path_factory.mktemp("empty-path")
    done = doctor(
        "programs", "--json", "--project", "libbpf-bootstrap", environ={"PATH": str(nothing)}
    )
    assert done.returncode == 0, done.stderr
    (row,) = [r for r in json.loads(done.stdout)["programs"] if r["name"] == "minimal"]
    assert row["stages"]["build"]["readiness"] == "not-ready"
    assert row["stages"]["load"]["readiness"] != "not-ready" or row["stages"]["load"]["because"]


def test_the_table_for_a_person_says_what_is_in_the_way(doctor: Doctor, tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path)}
    done = doctor("programs", "--project", "libbpf-bootstrap-2020", environ=nowhere)
    assert done.returncode == 0
    table, _, causes = done.stdout.partition("\n\n")
    cloned, heading, *rows, _ = table.splitlines()
    assert "nothing was cloned" in cloned
    assert heading.split() == ["|", "build", "load", "attach", "fires"]
    assert any(row.split()[1] == "bootstrap" for row in rows)
    told = {line.lstrip("| ").split()[1].rstrip(":") for line in causes.splitlines()}
    assert "toolchain.make" in told
    assert all(key in table for key in told)


HOST = Path(__file__).parents[1] / "hosts" / "debian-6.1-base.json"


@pytest.mark.parametrize(
    ("command", "everything", "selected_alone"),
    [("check", True, False), ("check", False, True), ("programs", False, False)],
)
def test_of_a_recorded_machine_as_many_programs_are_looked_into_as_of_a_live_one(
    doctor: Doctor, tmp_path: Path, command: str, everything: bool, selected_alone: bool
) -> None:
    snapshot = json.loads(HOST.read_text())
    snapshot["options"]["everything"] = everything
    file = tmp_path / "there.json"
    file.write_text(json.dumps(snapshot))
    rows = json.loads(doctor(command, "--json", "--from", str(file)).stdout)["programs"]
    looked_into = {row["name"] for row in rows if row["origin"]}
    assert (looked_into == {"minimal", "bootstrap"}) is selected_alone
    assert len(looked_into) in (2, len(rows))


def test_each_cause_is_one_of_the_findings(doctor: Doctor, tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path)}
    done = doctor("programs", "--json", "--project", "libbpf-bootstrap", environ=nowhere)
    told = json.loads(done.stdout)
    keys = {finding["key"] for finding in told["findings"]}
    stages = [stage for row in told["programs"] for stage in row["stages"].values()]
    assert keys
    assert keys <= {key for stage in stages for key in stage["because"]}


def test_all_and_a_program_together_are_refused(doctor: Doctor) -> None:
    done = doctor("smoke", "minimal", "--all")
    assert done.returncode == 2
    assert "--all takes no program" in done.stderr
