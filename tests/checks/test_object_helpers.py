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
    ObjectProgram,
    Question,
    Refused,
    Status,
    TryCalls,
)
from bpfdoctor.host.live import LiveHost
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, project_named, run_check

PATH = "/tmp/some.bpf.o"
FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 1 << 39, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
PLAIN = ObjectProgram("ours", "xdp.frags", "xdp", "xdp.frags", helpers=("now",), numbers=(5,))
ASKED = TryCalls("xdp", (5,), flags=32)
WORKED, REFUSED = Attempt(), Attempt("EINVAL", "bpf(BPF_PROG_LOAD)")


def found_for(
    said: Answer | None = None,
    asked: TryCalls = ASKED,
    identity: Identity = ROOT,
    license: str = "GPL",  # noqa: A002  (as the object names it)
    answers: dict[Question[Any], Answer] | None = None,
    **changes: Any,
) -> Finding:
    modules = changes.pop("modules", False)
    given = {"flags": 32, **changes}
    program = msgspec.structs.replace(PLAIN, **given)
    whole = BpfObject((program,), (), btf=True, kernel_btf=True, license=license, modules=modules)
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
    assert found_for(said, guarded=True).status is Status.UNKNOWN


def test_a_helper_that_the_kernel_does_not_list_is_not_tried() -> None:
    assert found_for(unknown_helpers=("helper 999",)).status is Status.FAIL
    assert found_for(unknown_helpers=("helper 999",), identity=USER).status is Status.FAIL
    guarded = found_for(unknown_helpers=("helper 999",), guarded=True)
    assert guarded.status is Status.UNKNOWN


def test_a_weak_function_that_is_not_there_is_not_to_be_called() -> None:
    lost: dict[str, Any] = {"functions": ("gone",), "unknown_functions": ("gone",)}
    assert found_for(**lost).status is Status.FAIL
    assert found_for(guarded=True, **lost).status is Status.UNKNOWN
    assert found_for(modules=True, **lost).status is Status.UNKNOWN


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
    assert found_for(license="Proprietary", **given).status is Status.FAIL
    assert found_for(license="Proprietary", guarded=True, **given).status is Status.UNKNOWN
    assert found_for(Calls(WORKED), TryCalls("xdp", flags=32), **given).status is Status.PASS


def test_what_lockdown_refuses_is_left_to_lockdown() -> None:
    given: dict[str, Any] = {"helpers": ("now", "probe_read_kernel"), "numbers": (5, 113)}
    mode: dict[Question[Any], Answer] = {
        AskSecurityFile("lockdown"): FileText("none integrity [confidentiality]\n")
    }
    assert found_for(Calls(WORKED), answers=mode, **given).status is Status.PASS
    assert found_for(answers=mode, guarded=True, **given).status is Status.UNKNOWN
    walked = found_for(answers=mode, guarded=True, type="tracing", kind="iter", **given)
    assert walked.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "license_", "status"),
    [
        ({}, "GPL", Status.PASS),
        ({}, "Proprietary", Status.UNKNOWN),
        ({"helpers": (), "numbers": ()}, "Proprietary", Status.PASS),
        ({"functions": ("bpf_iter_task_vma_new",)}, "GPL", Status.UNKNOWN),
    ],
)
def test_a_type_whose_target_the_loader_names_is_judged_by_the_list(
    changes: dict[str, Any], license_: str, status: Status
) -> None:
    found = found_for(license=license_, type="tracing", kind="fentry", **changes)
    assert found.status is status


HUNG: dict[str, Any] = {"type": "tracing", "kind": "fentry", "target": "f", "flags": 0}
ASKED_FOR_IT = TryCalls("tracing", (5,), kind="fentry", target="f")


def test_what_is_loaded_for_a_target_is_tried_there() -> None:
    refused = Calls(WORKED, (Refused("5", "program of this type cannot use helper bpf_now#5"),))
    assert found_for(Calls(WORKED), ASKED_FOR_IT, **HUNG).status is Status.PASS
    assert found_for(refused, ASKED_FOR_IT, **HUNG).status is Status.FAIL


def test_a_target_that_takes_no_program_is_the_root() -> None:
    no_target: dict[Question[Any], Answer] = {AttachTrampoline("fentry", ("f",)): REFUSED}
    found = found_for(Calls(REFUSED), ASKED_FOR_IT, answers=no_target, **HUNG)
    assert {"kernel.trampolines[load]", "kernel.targets[fentry/f]"} <= set(found.blocked_by)
    taken: dict[Question[Any], Answer] = {AttachTrampoline("fentry", ("f",)): WORKED}
    assert found_for(Calls(REFUSED), ASKED_FOR_IT, answers=taken, **HUNG).status is Status.FAIL


def test_no_answer_is_no_verdict() -> None:
    assert found_for(NoAnswer("not-recorded")).status is Status.UNKNOWN
    assert run_check("object.helpers", FakeHost(), project_named()) == ()


SOURCE = """
#define SEC(name) __attribute__((section(name), used))
static long (*load)(const void *, unsigned, void *, unsigned) = (void *)26;
static long (*pid)(void) = (void *)14;
extern int vfs_unlink(void *) __attribute__((section(".ksyms")));
extern int gone(void *) __attribute__((section(".ksyms"), weak));
SEC("tp/sched/sched_process_exec") int fine(void *ctx) { return pid(); }
SEC("tp/sched/sched_process_exec") int wrong(void *ctx)
{ char b[8]; load(ctx, 0, b, 8); return b[0]; }
SEC("tp_btf/sched_switch") int by_btf(void *ctx) { return !pid(); }
SEC("iter/task") int walked(void *ctx) { char b[8]; load(ctx, 0, b, 8); return 0; }
SEC("xdp") int kernels(void *ctx) { return vfs_unlink(ctx); }
SEC("xdp") int asks(void *ctx) { return gone ? gone(ctx) : 2; }
SEC("xdp") int believes(void *ctx) { return gone(ctx); }
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
    passing = {"fine", "by_btf", "asks"}
    assert {name for name in status if status[name] is Status.PASS} == passing
    assert {name for name in status if status[name] is Status.FAIL} == status.keys() - passing
