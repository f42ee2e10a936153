"""object.helpers: what a program calls is tried in a program of the same kind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    AskIdentity,
    AskSecurityFile,
    AttachTrampoline,
    Attempt,
    BpfObject,
    Calls,
    FileText,
    Finding,
    Identity,
    LoadProgram,
    NoAnswer,
    ObjectExtern,
    ObjectProgram,
    ProbeCalls,
    ProgramAttrs,
    Question,
    Refused,
    Status,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 1 << 39, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
PLAIN = ObjectProgram("ours", "xdp.frags", "xdp", "xdp.frags", helpers=("now",), numbers=(5,))
ASKED = ProbeCalls(ProgramAttrs("xdp", flags=32), (5,))
WORKED, REFUSED = Attempt(), Attempt("EINVAL", "bpf(BPF_PROG_LOAD)")


def found_for(
    said: Answer | None = None,
    asked: ProbeCalls = ASKED,
    identity: Identity = ROOT,
    license: str = "GPL",  # noqa: A002  (as the object names it)
    answers: dict[Question[Any], Answer] | None = None,
    **changes: Any,
) -> Finding:
    given = {"flags": 32, **changes}
    program = msgspec.structs.replace(PLAIN, **given)
    whole = BpfObject((program,), (), btf=True, kernel_btf=True, license=license)
    known: dict[Question[Any], Answer] = {AskBpfObject(PATH): whole, AskIdentity(): identity}
    if said is not None:
        known[asked] = said
    host = FakeHost({**known, **(answers or {})}, otherwise=NoAnswer("ENOENT"))
    return one(run_check("object.helpers", host, project_of_object(PATH, whole)))


def test_what_is_allowed_passes() -> None:
    found = found_for(Calls(WORKED))
    assert (found.status, found.key) == (Status.PASS, "object.helpers[ours]")


def test_what_root_is_refused_fails_and_what_a_user_is_refused_is_unknown() -> None:
    said = Calls(WORKED, (Refused("5", "unknown func bpf_now#5"),))
    assert found_for(said).status is Status.FAIL
    assert "unknown func bpf_now#5" in found_for(said).summary
    assert found_for(said, identity=USER).status is Status.UNKNOWN
    assert found_for(said, conditional=True).status is Status.UNKNOWN


def test_a_helper_that_the_kernel_does_not_list_is_not_tried() -> None:
    assert found_for(unknown_helpers=("helper 999",)).status is Status.FAIL
    assert found_for(unknown_helpers=("helper 999",), identity=USER).status is Status.FAIL
    unsure = found_for(unknown_helpers=("helper 999",), conditional=True)
    assert unsure.status is Status.UNKNOWN


def test_where_no_program_of_its_type_loads_its_type_is_the_root() -> None:
    general: dict[Question[Any], Answer] = {LoadProgram("xdp"): REFUSED}
    found = found_for(Calls(REFUSED), answers=general)
    assert "kernel.program-types[xdp]" in found.blocked_by


def test_a_kind_that_this_kernel_does_not_load_fails() -> None:
    general: dict[Question[Any], Answer] = {LoadProgram("xdp"): WORKED}
    found = found_for(Calls(REFUSED), answers=general)
    assert (found.status, "xdp.frags" in found.summary) == (Status.FAIL, True)
    denied = Calls(Attempt("EPERM", "bpf(BPF_PROG_LOAD)"))
    assert found_for(denied, answers=general, identity=USER).status is Status.UNKNOWN


def test_printing_is_for_the_gpl_and_is_not_tried() -> None:
    given: dict[str, Any] = {"helpers": ("trace_printk",), "numbers": (6,)}
    found = found_for(license="Proprietary", **given)
    assert (found.status, "licence Proprietary" in found.summary) == (Status.FAIL, True)
    assert found_for(license="Proprietary", conditional=True, **given).status is Status.UNKNOWN
    assert (
        found_for(Calls(WORKED), ProbeCalls(ProgramAttrs("xdp", flags=32)), **given).status
        is Status.PASS
    )


def test_what_lockdown_refuses_is_left_to_lockdown() -> None:
    given: dict[str, Any] = {"helpers": ("now", "probe_read_kernel"), "numbers": (5, 113)}
    mode: dict[Question[Any], Answer] = {
        AskSecurityFile("lockdown"): FileText("none integrity [confidentiality]\n")
    }
    assert found_for(Calls(WORKED), answers=mode, **given).status is Status.PASS
    assert found_for(answers=mode, conditional=True, **given).status is Status.UNKNOWN
    both = ProbeCalls(ProgramAttrs("xdp", flags=32), (5, 113))
    assert found_for(Calls(WORKED), both, conditional=True, **given).status is Status.PASS
    walked = found_for(answers=mode, conditional=True, type="tracing", kind="iter", **given)
    assert walked.status is Status.UNKNOWN


TRACED: dict[str, Any] = {"type": "tracing", "kind": "fentry", "target": "f", "flags": 0}
LOADS: dict[Question[Any], Answer] = {
    AttachTrampoline("fentry"): WORKED,
    AttachTrampoline("fentry", ("f",)): WORKED,
}


@pytest.mark.parametrize(
    ("said", "answers", "status"),
    [
        (Calls(WORKED), {}, Status.PASS),
        (Calls(WORKED, (Refused("5", "unknown func"),)), {}, Status.FAIL),
        (Calls(REFUSED), LOADS, Status.FAIL),
        (Calls(REFUSED), {}, Status.SKIP),
    ],
)
def test_what_is_loaded_for_a_target_is_tried_for_it(
    said: Answer, answers: dict[Question[Any], Answer], status: Status
) -> None:
    asked = ProbeCalls(ProgramAttrs("tracing", target="fentry/f"), (5,))
    assert found_for(said, asked, answers=answers, **TRACED).status is status


def test_a_program_that_loads_under_the_gpl_alone_fails_under_another_licence() -> None:
    words = "LSM programs must have a GPL compatible license"
    said = Calls(Attempt("EINVAL", "bpf(BPF_PROG_LOAD)", f"{words}\nprocessed 0 insns"))
    asked = ProbeCalls(ProgramAttrs("tracing", license="Proprietary", target="fentry/f"), (5,))
    found = found_for(said, asked, answers=LOADS, license="Proprietary", **TRACED)
    assert (found.status, words in found.summary) == (Status.FAIL, True)


@pytest.mark.parametrize(
    ("changes", "license_", "status"),
    [
        ({}, "GPL", Status.PASS),
        ({}, "Proprietary", Status.UNKNOWN),
        ({"helpers": (), "numbers": ()}, "Proprietary", Status.PASS),
        ({"functions": ("bpf_iter_task_vma_new",)}, "GPL", Status.UNKNOWN),
    ],
)
def test_a_type_whose_target_is_not_named_is_judged_by_the_list(
    changes: dict[str, Any], license_: str, status: Status
) -> None:
    found = found_for(license=license_, type="tracing", kind="fentry", **changes)
    assert found.status is status
    if license_ != "GPL" and status is Status.UNKNOWN:
        assert found.summary == f"licence {license_}: some helpers are for GPL programs alone"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.FAIL),
        ({"modules": True}, Status.UNKNOWN),
        ({"conditional": True}, Status.UNKNOWN),
        ({"functions": ()}, Status.PASS),
    ],
)
def test_a_weak_function_that_is_called_must_be_there(
    changes: dict[str, Any], status: Status
) -> None:
    modules = changes.pop("modules", False)
    program = msgspec.structs.replace(PLAIN, **{"functions": ("gone",), "flags": 32, **changes})
    weak = (ObjectExtern("gone", "function", weak=True),)
    whole = BpfObject(
        (program,), (), btf=True, kernel_btf=True, license="GPL", externs=weak, modules=modules
    )
    known = {AskBpfObject(PATH): whole, AskIdentity(): ROOT, ASKED: Calls(WORKED)}
    host = FakeHost(known, otherwise=NoAnswer("ENOENT"))
    assert one(run_check("object.helpers", host, project_of_object(PATH, whole))).status is status


def test_no_answer_is_no_verdict() -> None:
    assert found_for(NoAnswer("not-recorded")).status is Status.UNKNOWN


SOURCE = """
#define SEC(name) __attribute__((section(name), used))
static long (*load)(const void *, unsigned, void *, unsigned) = (void *)26;
static long (*pid)(void) = (void *)14;
extern int vfs_unlink(void *) __attribute__((section(".ksyms")));
SEC("tp/sched/sched_process_exec") int fine(void *ctx) { return pid(); }
SEC("tp/sched/sched_process_exec") int wrong(void *ctx)
{ char b[8]; load(ctx, 0, b, 8); return b[0]; }
SEC("xdp") int kernels(void *ctx) { return vfs_unlink(ctx); }
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_the_running_kernel_is_asked(
    live: LiveHost, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    source, out = tmp_path / "p.c", tmp_path / "p.o"
    source.write_text(SOURCE)
    subprocess.run(["clang", "-g", "-O2", "-target", "bpf", "-c", source, "-o", out], check=True)
    answer = live.ask(AskBpfObject(str(out)))
    assert isinstance(answer, BpfObject)
    found = run_check("object.helpers", live, project_of_object(str(out), answer))
    status = {each.about: each.status for each in found}
    assert status == {"fine": Status.PASS, "wrong": Status.FAIL, "kernels": Status.FAIL}
