"""`--object`: any compiled object is answered like a project's programs, and gates like one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from compiled import compiled
from loud import require

SOURCE = """
#define SEC(name) __attribute__((section(name), used))
struct task_struct { int pid; long never_a_field; } __attribute__((preserve_access_index));
SEC("tp/sched/sched_process_exec") int fine(void *ctx) { return 0; }
SEC("tp/sched/no_such_tracepoint") int nowhere(void *ctx) { return 0; }
SEC("iter/task") int lost(struct task_struct *task) { return task->never_a_field; }
SEC("xdp") int untried(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
"""
HOST = str(Path(__file__).parents[1] / "hosts" / "debian-6.1-base.json")
Doctor = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an object of each fate: `p`, `map_hash` (fit), `map_queue_with_key`."""
    require("clang", "make")
    place = tmp_path_factory.mktemp("objects")
    source = place / "p.c"
    source.write_text(SOURCE)
    flags = ("-g", "-O2", "-target", "bpf")
    subprocess.run(["clang", *flags, "-c", source, "-o", place / "p.bpf.o"], check=True)
    compiled(place, "map_hash", "map_array", "map_queue_with_key")
    return place


@pytest.fixture
def built(made: Path) -> str:
    return str(made / "p.bpf.o")


@pytest.fixture
def fit(made: Path) -> str:
    return str(made / "map_hash.bpf.o")


def refused(ended: CompletedProcess[str], *said: str) -> None:
    """One sentence and a hint on standard error, nothing else."""
    assert (ended.returncode, ended.stdout) == (2, "")
    assert all(each in ended.stderr for each in said), ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) <= 2


@pytest.mark.bpf
def test_each_program_is_judged_by_what_it_needs(doctor: Doctor, built: str) -> None:
    require("root")
    ended = doctor("programs", "--object", built, "--json")
    assert ended.returncode == 0, ended.stderr
    programs: dict[str, dict[str, Any]] = {
        each["name"]: each["stages"] for each in json.loads(ended.stdout)["programs"]
    }
    assert list(programs) == ["fine", "nowhere", "lost", "untried"]
    assert programs["lost"]["load"]["readiness"] == "not-ready"
    assert programs["lost"]["load"]["because"] == ["object.relocations[lost]"]
    assert programs["fine"]["load"]["readiness"] == programs["nowhere"]["load"]["readiness"]
    assert programs["untried"]["attach"]["readiness"] != "ready"
    assert programs["nowhere"]["attach"]["readiness"] == "not-ready"
    assert programs["fine"]["fires"]["readiness"] == "unknown"


def test_a_person_is_told_why_and_what_is_not_known_before(doctor: Doctor, built: str) -> None:
    said = doctor("programs", "--object", built).stdout
    assert "only loading it tells" in said
    assert "object.relocations[lost]: struct task_struct has no field never_a_field" in said


@pytest.mark.bpf
@pytest.mark.parametrize(
    ("words", "status", "readiness"),
    [
        (["map_hash.bpf.o"], 0, "ready"),
        (["map_hash.bpf.o", "map_array.bpf.o"], 0, "ready"),
        (["map_hash.bpf.o:load"], 0, "ready"),
        (["map_hash.bpf.o:fires"], 3, "unknown"),
        (["map_queue_with_key.bpf.o"], 1, "not-ready"),
        (["map_hash.bpf.o", "map_queue_with_key.bpf.o"], 1, "not-ready"),
        (["p.bpf.o"], 1, "not-ready"),
        (["p.bpf.o", "--for", "fine"], 0, "ready"),
        (["p.bpf.o", "--for", "fine:fires"], 3, "unknown"),
        (["p.bpf.o", "--for", "nowhere:load"], 0, "ready"),
        (["p.bpf.o:load", "--for", "nowhere"], 0, "ready"),
        (["p.bpf.o:load", "--for", "nowhere:attach"], 1, "not-ready"),
        (["p.bpf.o", "--for", "untried"], 3, "unknown"),
        (["p.bpf.o", "map_hash.bpf.o", "--for", "p.bpf.o/fine", "--for", "with_map"], 0, "ready"),
        (["map_hash.bpf.o", "--only", "object.maps"], 0, None),
        (["map_queue_with_key.bpf.o", "--only", "object.maps"], 1, None),
        (["map_queue_with_key.bpf.o", "--skip", "object.maps"], 0, None),
    ],
)
def test_it_gates_on_what_was_asked_for(
    doctor: Doctor, made: Path, words: list[str], status: int, readiness: str | None
) -> None:
    require("root")
    argv = [str(made / word) if ".bpf.o" in word and "/" not in word else word for word in words]
    ended = doctor("check", "--json", "--object", *argv)
    assert ended.returncode == status, ended.stdout + ended.stderr
    verdict = json.loads(ended.stdout)["verdict"]
    assert (verdict["exit"], verdict["readiness"]) == (status, readiness)
    assert verdict["subject"] == "object"


@pytest.mark.bpf
def test_text_and_json_and_the_record_are_of_one_run(
    doctor: Doctor, made: Path, tmp_path: Path
) -> None:
    require("root")
    paths = [str(made / f"{name}.bpf.o") for name in ("map_hash", "map_queue_with_key")]
    record = str(tmp_path / "here.snapshot")
    ended = doctor("check", "--object", *paths, "--format", "json=r.json", "--record", record)
    report = json.loads((tmp_path / "r.json").read_text())
    assert ended.returncode == report["verdict"]["exit"] == 1
    assert ended.stdout.splitlines()[-1] == report["verdict"]["summary"]
    assert report["smoke"] == "none"
    again = doctor("check", "--from", record, "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["programs"] == report["programs"]


def test_a_path_that_is_given_twice_is_one_object(doctor: Doctor, fit: str, tmp_path: Path) -> None:
    (tmp_path / "x.bpf.o").symlink_to(fit)
    twice = ("x.bpf.o:load", "./x.bpf.o", f"{tmp_path}/x.bpf.o:load")
    ended = doctor("check", "--json", "--object", *twice)
    report = json.loads(ended.stdout)
    assert [each["name"] for each in report["programs"]] == ["with_map"]
    assert [each["stage"] for each in report["selection"]["targets"]] == ["attach"]


@pytest.mark.parametrize("repeated", [True, False])
def test_more_objects_are_named_by_the_option_or_after_it(
    doctor: Doctor, made: Path, repeated: bool
) -> None:
    paths = [str(made / f"{name}.bpf.o") for name in ("map_hash", "map_array")]
    more = ["--object", paths[1]] if repeated else [paths[1]]
    ended = doctor("programs", "--json", "--object", paths[0], *more)
    names = [each["name"] for each in json.loads(ended.stdout)["programs"]]
    assert names == ["map_hash.bpf.o/with_map", "map_array.bpf.o/with_map"]


def test_a_file_that_really_has_the_name_of_a_stage_wins(
    doctor: Doctor, fit: str, tmp_path: Path
) -> None:
    (tmp_path / "a:b:load").symlink_to(fit)

    def stages(text: str) -> list[str]:
        report = json.loads(doctor("check", "--json", "--object", text).stdout)
        return [each["stage"] for each in report["selection"]["targets"]]

    assert stages("a:b:load") == ["attach"]
    assert stages("a:b:load:load") == ["load"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--object", "/bin/sh"], ["/bin/sh", "not for BPF"]),
        (["--object", "gone.bpf.o"], ["there is no file gone.bpf.o"]),
        (["--object", "*.bpf.o"], ["there is no file *.bpf.o", "no file matches"]),
        (["--object", "/usr"], ["/usr", "it is a directory"]),
        (["--object", "/dev/null"], ["/dev/null", "not a regular file"]),
        (["--object", "fifo"], ["fifo", "not a regular file"]),
        (["--object", "empty.bpf.o"], ["empty.bpf.o", "not ELF"]),
        (["--object", "FIT", "empty.bpf.o"], ["empty.bpf.o", "not ELF"]),
        (["--object", "FIT:build"], ["is built already", "load, attach and fires"]),
        (["--object", "FIT", "--for", "with_map:build"], ["is built already"]),
        (["--object", "FIT", "--for", "with_mop"], ["'with_mop'", "did you mean with_map?"]),
        (["--object", "FIT", ""], ["it names nothing"]),
        (["--object", "FIT", "--project", "embedded"], ["--project names a source tree"]),
        (["--object", "FIT", "-C", "/"], ["-C names a source tree"]),
        (["FIT"], ["FIT", "--object"]),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    doctor: Doctor, fit: str, tmp_path: Path, words: list[str], said: list[str]
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty.bpf.o").touch()
    argv = [word.replace("FIT", fit) for word in words]
    refused(doctor("check", *argv), *(each.replace("FIT", fit) for each in said))


def test_an_object_without_programs_is_refused(doctor: Doctor, tmp_path: Path) -> None:
    require("clang")
    source, path = tmp_path / "x.c", tmp_path / "x.bpf.o"
    source.write_text("int x;\n")
    subprocess.run(["clang", "-g", "-target", "bpf", "-c", source, "-o", path], check=True)
    refused(doctor("check", "--object", str(path)), "x.bpf.o", "it has no BPF programs")


def test_the_table_shows_every_stage_and_takes_none(doctor: Doctor, fit: str) -> None:
    refused(doctor("programs", "--object", f"{fit}:load"), "every stage is shown")


@pytest.mark.parametrize(
    "writing",
    ["--record=x.bpf.o", "--format=json=x.bpf.o", "--format=text=./x.bpf.o"],
)
@pytest.mark.parametrize("more", [[], ["last"]])
def test_a_report_is_not_written_over_the_object(
    doctor: Doctor, fit: str, tmp_path: Path, writing: str, more: list[str]
) -> None:
    content = Path(fit).read_bytes()
    (tmp_path / "x.bpf.o").write_bytes(content)
    objects = [fit, "x.bpf.o"] if more else ["x.bpf.o:load"]
    refused(doctor("check", writing, "--object", *objects), "x.bpf.o")
    assert (tmp_path / "x.bpf.o").read_bytes() == content


@pytest.mark.parametrize("command", ["check", "programs"])
def test_an_object_that_is_here_is_judged_on_the_recorded_machine(
    doctor: Doctor, built: str, command: str
) -> None:
    ended = doctor(command, "--object", built, "--from", HOST, "--json")
    assert ended.returncode == (3 if command == "check" else 0), ended.stderr
    report = json.loads(ended.stdout)
    assert report["host"]["release"].startswith("6.1.")
    lost = {each["key"]: each for each in report["findings"]}["object.relocations[lost]"]
    assert lost["status"] == "unknown"
    assert "never_a_field" not in json.dumps(report)


def test_an_object_that_is_not_here_is_taken_from_the_snapshot(
    doctor: Doctor, fit: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.bpf.o"
    path.write_bytes(Path(fit).read_bytes())
    before = doctor("check", "--object", "x.bpf.o", "--record", "s", "--json")
    path.unlink()
    after = doctor("check", "--object", "x.bpf.o", "--from", "s", "--json")
    assert after.returncode == before.returncode
    assert json.loads(after.stdout)["programs"] == json.loads(before.stdout)["programs"]
    refused(doctor("check", "--object", "y.bpf.o", "--from", "s"), "there is no file y.bpf.o")


def test_the_home_of_whoever_has_the_object_is_in_no_json(
    doctor: Doctor, fit: str, tmp_path: Path
) -> None:
    (tmp_path / "x.bpf.o").write_bytes(Path(fit).read_bytes())
    words = ("--object", f"{tmp_path}/x.bpf.o", "--from", HOST, "--json")
    ended = doctor("check", *words, environ={"HOME": str(tmp_path)})
    assert str(tmp_path) not in ended.stdout
    assert "~/x.bpf.o" in ended.stdout


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("nothing", "there is no program called 'nothing'"),
        ("with_map:build", "an object is built already"),
    ],
)
def test_a_program_that_a_recorded_object_has_not_is_refused(
    doctor: Doctor, fit: str, tmp_path: Path, asked: str, said: str
) -> None:
    assert doctor("check", "--object", fit, "--record", "s").returncode != 2
    refused(doctor("check", "--from", "s", "--for", asked), said)


def test_a_stage_that_is_asked_of_a_recorded_object_is_the_one_judged(
    doctor: Doctor, fit: str
) -> None:
    doctor("check", "--object", f"{fit}:load", "--record", "s")
    ended = doctor("check", "--from", "s", "--for", "with_map:fires", "--json")
    report = json.loads(ended.stdout)
    assert report["selection"]["targets"][0]["stage"] == "fires"
    assert ended.returncode != 0


def test_a_project_that_is_asked_of_a_snapshot_of_objects_is_the_one_judged(
    doctor: Doctor, fit: str
) -> None:
    doctor("check", "--object", fit, "--record", "s")
    ended = doctor("check", "--from", "s", "--project", "libbpf-bootstrap", "--json")
    report = json.loads(ended.stdout)
    assert (report["project"]["name"], ended.returncode) == ("libbpf-bootstrap", 3)
