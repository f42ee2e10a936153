"""kernel.helpers: a helper is there when the kernel's own enumeration has it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskEnumerator,
    EnumeratorFacts,
    Finding,
    NoAnswer,
    Project,
    Status,
)
from bpfdoctor.host.live import LiveHost
from bpfdoctor.testing import FakeHost, one, project_named, run_check


def project_calling(*helpers: str) -> Project:
    whole = project_named()
    program = msgspec.structs.replace(whole.kind.programs["minimal"], helpers=helpers)
    kind = msgspec.structs.replace(whole.kind, programs={"ours": program})
    return Project(kind, "", ("ours",))


def found_for(answer: Answer) -> Finding:
    host = FakeHost({AskEnumerator("bpf_func_id", "BPF_FUNC_trace_vprintk"): answer})
    return one(run_check("kernel.helpers", host, project_calling("trace_vprintk")))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (EnumeratorFacts(True, 177), Status.PASS),
        (EnumeratorFacts(True), Status.FAIL),
        (EnumeratorFacts(False), Status.UNKNOWN),
        (NoAnswer("EACCES"), Status.UNKNOWN),
        (NoAnswer("not-recorded"), Status.UNKNOWN),
        (NoAnswer("ENOENT"), Status.SKIP),
    ],
)
def test_the_kernels_own_list_decides(answer: Answer, status: Status) -> None:
    found = found_for(answer)
    assert (found.key, found.status) == ("kernel.helpers[trace_vprintk]", status)
    assert bool(found.fixes) is (status in (Status.FAIL, Status.UNKNOWN))


def test_a_missing_helper_is_named_with_its_release() -> None:
    assert "5.16" in found_for(EnumeratorFacts(True)).fixes[0].text


def test_without_btf_the_btf_is_the_root() -> None:
    assert found_for(NoAnswer("ENOENT")).blocked_by == ("kernel.btf",)


def test_every_helper_that_a_project_names_has_its_release() -> None:
    host = FakeHost(otherwise=EnumeratorFacts(True))
    found = run_check("kernel.helpers", host)
    assert len(found) > 1
    assert not [each.key for each in found if "(unknown)" in each.fixes[0].text]


@pytest.mark.bpf
def test_this_kernel_has_the_oldest_and_not_one_of_no_name(
    live: LiveHost, needs: Callable[..., None]
) -> None:
    needs("root")
    project = project_calling("map_lookup_elem", "no_such_helper")
    found = run_check("kernel.helpers", live, project)
    assert [each.status for each in found] == [Status.PASS, Status.FAIL]
