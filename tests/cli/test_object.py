"""`bpfdoctor programs --object`: any compiled object is answered like a project's programs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

SOURCE = """
#define SEC(name) __attribute__((section(name), used))
struct task_struct { int pid; long never_a_field; } __attribute__((preserve_access_index));
SEC("tp/sched/sched_process_exec") int fine(void *ctx) { return 0; }
SEC("tp/sched/no_such_tracepoint") int nowhere(void *ctx) { return 0; }
SEC("iter/task") int lost(struct task_struct *task) { return task->never_a_field; }
SEC("xdp") int untried(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.fixture
def built(tmp_path: Path, needs: Callable[..., None]) -> str:
    needs("clang")
    source, out = tmp_path / "p.c", tmp_path / "p.bpf.o"
    source.write_text(SOURCE)
    flags = ("-g", "-O2", "-target", "bpf")
    subprocess.run(["clang", *flags, "-c", source, "-o", out], check=True)
    return str(out)


@pytest.mark.bpf
def test_each_program_is_judged_by_what_it_needs(
    doctor: Callable[..., CompletedProcess[str]], built: str, needs: Callable[..., None]
) -> None:
    needs("root")
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


def test_a_person_is_told_why_and_what_is_not_known_before(
    doctor: Callable[..., CompletedProcess[str]], built: str
) -> None:
    said = doctor("programs", "--object", built).stdout
    assert "only loading it tells" in said
    assert "object.relocations[lost]: struct task_struct has no field never_a_field" in said


def test_what_is_no_object_is_a_usage_error(doctor: Callable[..., CompletedProcess[str]]) -> None:
    ended = doctor("programs", "--object", "/bin/sh")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "not for BPF" in ended.stderr
    assert "Traceback" not in ended.stderr
