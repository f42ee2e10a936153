"""kernel.helpers: a helper is there when the kernel's own enumeration has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskEnumerator,
    AskHelper,
    AskIdentity,
    AskKernelBtf,
    Attempt,
    EnumeratorFacts,
    Finding,
    Identity,
    NoAnswer,
    Project,
    Question,
    Stage,
    Status,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, project_named, run_check

FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))


def project_calling(*helpers: str) -> Project:
    whole = project_named()
    needs = {Stage.LOAD: tuple(f"kernel.helpers[{each}]" for each in helpers)}
    program = msgspec.structs.replace(whole.kind.programs["minimal"], needs=needs)
    kind = msgspec.structs.replace(whole.kind, programs={"ours": program})
    return Project(kind, "", ("ours",))


def found_for(
    answer: Answer, tried: Answer | None = None, helper: str = "get_task_stack", who: Answer = ROOT
) -> Finding:
    """What is found by the kernel's list, and by trying: nothing is tried by default."""
    answers: dict[Question[Any], Answer] = {
        AskEnumerator("bpf_func_id", f"BPF_FUNC_{helper}"): answer,
        AskIdentity(): who,
        AskKernelBtf(): NoAnswer("ENOENT"),
    }
    if tried is not None:
        answers |= {AskHelper(kind, helper): tried for kind in ("kprobe", "tracepoint")}
    return one(run_check("kernel.helpers", FakeHost(answers), project_calling(helper)))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (EnumeratorFacts(True, 141), Status.PASS),
        (EnumeratorFacts(True), Status.FAIL),
        (EnumeratorFacts(False), Status.UNKNOWN),
        (NoAnswer("EACCES"), Status.UNKNOWN),
        (NoAnswer("not-recorded"), Status.UNKNOWN),
        (NoAnswer("ENOENT"), Status.SKIP),
    ],
)
def test_the_kernels_own_list_decides(answer: Answer, status: Status) -> None:
    found = found_for(answer)
    assert (found.key, found.status) == ("kernel.helpers[get_task_stack]", status)
    assert bool(found.fixes) is (status in (Status.FAIL, Status.UNKNOWN))


def test_a_missing_helper_is_named_with_its_release() -> None:
    assert "5.9" in found_for(EnumeratorFacts(True)).fixes[0].text


@pytest.mark.parametrize("reason", ["ENOENT", "broken"])
def test_without_btf_that_can_be_read_the_btf_is_the_root(reason: str) -> None:
    assert found_for(NoAnswer(reason)).blocked_by == ("kernel.btf",)


@pytest.mark.parametrize("helper", ["get_ns_current_pid_tgid", "get_attach_cookie"])
@pytest.mark.parametrize("answer", [NoAnswer("ENOENT"), NoAnswer("broken"), EnumeratorFacts(False)])
def test_without_a_list_a_program_that_calls_it_is_loaded(answer: Answer, helper: str) -> None:
    missing = Attempt("EINVAL", "bpf(BPF_PROG_LOAD)", "invalid func unknown#120")
    assert found_for(answer, Attempt(), helper).status is Status.PASS
    assert found_for(answer, missing, helper).status is Status.FAIL
    assert found_for(answer, NoAnswer("not-recorded"), helper).status is Status.UNKNOWN
    refused = Attempt("EPERM", "bpf(BPF_PROG_LOAD)")
    assert found_for(answer, refused, helper, USER).status is Status.UNKNOWN


def test_every_helper_that_a_project_names_has_its_release() -> None:
    host = FakeHost(otherwise=EnumeratorFacts(True))
    found = run_check("kernel.helpers", host)
    assert {each.about for each in found} == {"get_attach_cookie", "trace_vprintk"}
    assert not [each.key for each in found if "(unknown)" in each.fixes[0].text]


@pytest.mark.bpf
def test_this_kernel_has_the_oldest_and_not_one_of_no_name(
    live: LiveHost, needs: Callable[..., None]
) -> None:
    needs("root")
    project = project_calling("map_lookup_elem", "no_such_helper")
    found = run_check("kernel.helpers", live, project)
    assert [each.status for each in found] == [Status.PASS, Status.FAIL]
