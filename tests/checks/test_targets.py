"""kernel.targets: what programs name in the kernel is looked up where the kernel will."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskFunction,
    AskKernel,
    AskSymbols,
    AskTracepoint,
    Finding,
    FunctionFacts,
    Kernel,
    NoAnswer,
    Project,
    Question,
    Status,
    Symbols,
    TracepointFacts,
)
from bpfdoctor.host.live import LiveHost
from bpfdoctor.testing import FakeHost, one, project_named, run_check


def project_with(*targets: str) -> Project:
    """A project whose only program attaches to these."""
    whole = project_named()
    program = msgspec.structs.replace(whole.kind.programs["minimal"], targets=targets)
    kind = msgspec.structs.replace(whole.kind, programs={"ours": program})
    return Project(kind, "", ("ours",))


def found_for(target: str, answers: dict[Question[Any], Answer]) -> Finding:
    host = FakeHost({AskKernel(): Kernel("7.0.4", "#1", "x86_64"), **answers})
    return one(run_check("kernel.targets", host, project_with(target)))


UNLINK = AskSymbols(("do_unlinkat", "filename_unlinkat"))


def test_a_kprobe_needs_its_symbol() -> None:
    found = found_for("kprobe/do_unlinkat", {UNLINK: Symbols(("do_unlinkat",))})
    assert found.status is Status.PASS
    assert found.key == "kernel.targets[kprobe/do_unlinkat]"


def test_a_name_that_several_functions_have_is_open() -> None:
    found = found_for("kprobe/do_unlinkat", {UNLINK: Symbols(("do_unlinkat",), 3)})
    assert found.status is Status.UNKNOWN
    assert found.summary.startswith("3 functions are called do_unlinkat")


def test_the_offset_of_a_kprobe_is_no_part_of_the_name() -> None:
    found = found_for("kprobe/do_unlinkat+0x5", {UNLINK: Symbols(("do_unlinkat",))})
    assert found.status is Status.PASS


def test_a_renamed_function_is_named_with_its_release() -> None:
    found = found_for("kprobe/do_unlinkat", {UNLINK: Symbols(("filename_unlinkat",))})
    assert found.status is Status.FAIL
    assert "do_unlinkat" in found.summary
    assert found.fixes[0].text == (
        "Linux 7.0 renamed it: in the program's SEC(), write filename_unlinkat."
    )


def test_a_trampoline_cannot_pass_on_any_number_of_parameters() -> None:
    answer = FunctionFacts(7, 2, variadic=True)
    found = found_for("fentry/_printk", {AskFunction("_printk"): answer})
    assert found.status is Status.FAIL
    assert "any number of parameters" in found.summary


def test_an_fentry_needs_its_function_in_btf() -> None:
    gone, renamed = AskFunction("do_unlinkat"), AskFunction("filename_unlinkat")
    assert found_for("fentry/do_unlinkat", {gone: FunctionFacts(7, 2)}).status is Status.PASS
    answers: dict[Question[Any], Answer] = {
        gone: FunctionFacts(None),
        renamed: FunctionFacts(8, 2),
    }
    found = found_for("fentry/do_unlinkat", answers)
    assert found.status is Status.FAIL
    assert "filename_unlinkat" in found.fixes[0].text


def test_a_function_of_too_many_parameters_has_no_trampoline() -> None:
    found = found_for("fentry/long_one", {AskFunction("long_one"): FunctionFacts(7, 13)})
    assert found.status is Status.FAIL
    assert "13 parameters" in found.summary


def test_without_btf_the_btf_is_the_root() -> None:
    found = found_for("fentry/f", {AskFunction("f"): NoAnswer("ENOENT")})
    assert found.status is Status.SKIP
    assert found.blocked_by == ("kernel.btf",)


def test_a_kernel_without_any_lsm_hook_is_left_to_the_lsm() -> None:
    answers: dict[Question[Any], Answer] = {AskFunction("bpf_lsm_file_open"): FunctionFacts(None)}
    assert found_for("lsm/bpf", answers).blocked_by == ("kernel.lsm",)
    answers = {
        AskFunction("bpf_lsm_file_open"): FunctionFacts(5, 1),
        AskFunction("bpf_lsm_bpf"): FunctionFacts(6, 3),
    }
    assert found_for("lsm/bpf", answers).status is Status.PASS


@pytest.mark.parametrize(("has", "status"), [(3, Status.PASS), (4, Status.FAIL)])
def test_a_hook_with_other_parameters_is_not_the_one_it_was_written_for(
    has: int, status: Status
) -> None:
    whole = project_named()
    kind = msgspec.structs.replace(whole.kind, programs={"lsm": whole.kind.programs["lsm"]})
    hooks: dict[Question[Any], Answer] = {
        AskFunction("bpf_lsm_file_open"): FunctionFacts(5, 1),
        AskFunction("bpf_lsm_bpf"): FunctionFacts(6, has),
    }
    found = one(run_check("kernel.targets", FakeHost(hooks), Project(kind, "", ("lsm",))))
    assert (found.key, found.status) == ("kernel.targets[lsm/bpf]", status)


def test_an_iterator_is_a_function_too() -> None:
    answers: dict[Question[Any], Answer] = {AskFunction("bpf_iter_task"): FunctionFacts(5, 1)}
    assert found_for("iter/task", answers).status is Status.PASS
    answers[AskFunction("bpf_iter_nothing")] = FunctionFacts(None)
    assert found_for("iter/nothing", answers).status is Status.FAIL


@pytest.mark.parametrize("present", ["__x64_sys_kill", "__se_sys_kill", "sys_kill"])
def test_a_system_call_has_one_of_its_names(present: str) -> None:
    names = AskSymbols(("__x64_sys_kill", "__se_sys_kill", "sys_kill"))
    assert found_for("ksyscall/kill", {names: Symbols((present,))}).status is Status.PASS
    found = found_for("ksyscall/kill", {names: Symbols(())})
    assert found.status is Status.FAIL
    assert "sys_kill" in found.summary


EXEC = AskTracepoint("sched", "sched_process_exec")


@pytest.mark.parametrize(
    ("answer", "status", "root"),
    [
        (TracepointFacts(300), Status.PASS, ()),
        (TracepointFacts(None), Status.FAIL, ()),
        (TracepointFacts(None, category=False), Status.SKIP, ("kernel.tracepoints[sched]",)),
        (NoAnswer("ENOENT"), Status.SKIP, ("runtime.tracefs",)),
        (NoAnswer("EACCES"), Status.SKIP, ("runtime.tracefs",)),
    ],
)
def test_a_tracepoint_is_looked_up_in_tracefs(
    answer: Answer, status: Status, root: tuple[str, ...]
) -> None:
    found = found_for("tp/sched/sched_process_exec", {EXEC: answer})
    assert found.status is status
    assert found.blocked_by == root


def test_what_no_check_looks_up_is_left_out() -> None:
    assert run_check("kernel.targets", FakeHost(), project_with("usdt/libc.so.6:libc:setjmp")) == ()


def test_one_finding_a_target_whoever_names_it() -> None:
    found = run_check("kernel.targets", FakeHost(otherwise=NoAnswer("not-recorded")))
    assert {finding.status for finding in found} == {Status.UNKNOWN}
    assert "kernel.targets[fentry/do_unlinkat]" in {finding.key for finding in found}
    assert all(finding.fixes for finding in found)


@pytest.mark.bpf
def test_this_kernel_has_what_every_kernel_has(live: LiveHost, needs: Any) -> None:
    needs("root")
    found = run_check("kernel.targets", live, project_with("kprobe/vfs_unlink", "kprobe/no_such"))
    assert [finding.status for finding in found] == [Status.PASS, Status.FAIL]
