"""Types of programs: those that the needs name, each by what the kernel says to its least one."""

from __future__ import annotations

from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskIdentity,
    Attempt,
    Identity,
    LoadProgram,
    NoAnswer,
    Project,
    Question,
    Status,
)
from bpfdoctor.host.bpf.features.program_types import LOADABLE
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.projects.reader import kinds
from bpfdoctor.projects.rules import rules
from bpfdoctor.testing import FakeHost, project_named, run_check

FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
KIND = "kernel.program-types"
ALWAYS = {"socket_filter", "sched_cls"}


def judged(
    project: Project, said: Answer, who: Identity = ROOT, otherwise: Answer | None = None
) -> dict[str, Status]:
    """What is found when the types that tracing programs have are answered so, others otherwise."""
    tracing = ("kprobe", "tracepoint", "perf_event", "raw_tracepoint")
    answers: dict[Question[Any], Answer] = {AskIdentity(): who}
    for name in set(LOADABLE):
        answers[LoadProgram(name)] = said if name in tracing else otherwise or said
    found = run_check(KIND, FakeHost(answers), project)
    return {each.about: each.status for each in found}


def test_the_types_are_those_that_the_needs_of_the_programs_name() -> None:
    expected = {"kprobe", "tracepoint", "perf_event"}
    assert judged(project_named(), Attempt()).keys() == ALWAYS | expected
    old = judged(project_named("libbpf-bootstrap-2020"), Attempt())
    assert old.keys() == ALWAYS | {"kprobe", "tracepoint"}


def test_those_of_a_compiled_object_too() -> None:
    programs = (
        ObjectProgram("first", "xdp", "xdp", "xdp"),
        ObjectProgram("second", "uprobe", "kprobe", "uprobe"),
    )
    project = project_of_object("/tmp/some.bpf.o", BpfObject(programs, (), True, True))
    assert judged(project, Attempt()).keys() == ALWAYS | {"xdp", "kprobe"}


@pytest.mark.parametrize("error", ["EINVAL", "ENOTSUPP", "ENOTTY", "EHWPOISON"])
@pytest.mark.parametrize("who", [ROOT, USER])
def test_a_type_that_the_kernel_does_not_load_fails_for_anybody(error: str, who: Identity) -> None:
    said = Attempt(error, "bpf(BPF_PROG_LOAD)")
    found = judged(project_named(), said, who, otherwise=Attempt())
    assert found["tracepoint"] is found["kprobe"] is Status.FAIL
    assert found["socket_filter"] is Status.PASS


def test_where_nothing_loads_that_is_one_failure() -> None:
    found = judged(project_named(), Attempt("EINVAL", "bpf(BPF_PROG_LOAD)"))
    assert found.pop("socket_filter") is Status.FAIL
    assert set(found.values()) == {Status.SKIP}


def test_a_refusal_counts_for_root_alone() -> None:
    said = Attempt("EPERM", "bpf(BPF_PROG_LOAD)")
    assert set(judged(project_named(), said, USER).values()) == {Status.UNKNOWN}
    found = judged(project_named(), said, ROOT, otherwise=Attempt())
    assert found["tracepoint"] is Status.FAIL


def test_what_was_not_asked_is_unknown() -> None:
    found = judged(project_named(), NoAnswer("not-recorded"))
    assert set(found.values()) == {Status.UNKNOWN}


def test_every_type_that_a_need_names_can_be_loaded() -> None:
    projects = [project_named(name) for name in kinds()]
    named = {about for project in projects for about in project.abouts(KIND)}
    needs = [*rules().kinds.values(), *rules().maps.values(), rules().every, rules().relocated]
    keys = [key for stages in needs for each in stages.values() for key in each]
    named |= {key[len(KIND) + 1 : -1] for key in keys if key.startswith(KIND)}
    assert named <= set(LOADABLE)


@pytest.mark.bpf
def test_this_kernel_loads_or_refuses_each(kernel: None, live: LiveHost) -> None:
    for found in run_check(KIND, live):
        assert found.status is Status.PASS
