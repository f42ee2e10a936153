"""kernel.targets: what programs name in the kernel is looked up where the kernel will."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskFunction,
    AskIdentity,
    AskKernel,
    AskKernelBtf,
    AskSymbols,
    AskTracefs,
    AskTracepoint,
    AttachBtfTracepoint,
    AttachIterator,
    AttachKprobe,
    AttachRawTracepoint,
    AttachTracepoint,
    AttachTrampoline,
    Attempt,
    BtfFacts,
    Finding,
    FunctionFacts,
    Identity,
    Kernel,
    ListDirectory,
    LoadLsm,
    LoadProgram,
    Names,
    NoAnswer,
    Project,
    Question,
    Status,
    Symbols,
    Tracefs,
    TracePlace,
    TracepointFacts,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.projects.judged import BpfPart, JudgedObject
from bpfdoctor.testing import FakeHost, one, project_named, run_check


def project_with(*targets: str) -> Project:
    """A project whose only program attaches to these."""
    parts = tuple(BpfPart(f"number{at}", target=each) for at, each in enumerate(targets))
    judged = JudgedObject("ours", "compiled", parts=parts)
    return Project(project_named().kind, "", ("ours",), judged=(judged,))


OWN = "/sys/kernel/btf/vmlinux"
WITHOUT: dict[Question[Any], Answer] = {
    AskKernelBtf(): NoAnswer("ENOENT"),
    AskTracefs(): Tracefs(()),
}
"""What is asked besides where nothing can be looked up."""
REFUSED = Attempt("ENOENT", "bpf(BPF_PROG_LOAD)")
UNTRIED: dict[Question[Any], Answer] = {
    AttachKprobe(returns=True): REFUSED,
    AttachTrampoline("fentry"): REFUSED,
    AttachIterator(): REFUSED,
    LoadLsm("bpf"): REFUSED,
    AttachTracepoint("sched", "sched_process_exec"): REFUSED,
    AskSymbols(("f",)): Symbols(()),
    AskSymbols(("do_unlinkat",)): Symbols(()),
    AskSymbols(("bpf_iter_nothing",)): Symbols(()),
}
"""On this kernel nothing of such a kind attaches, so that no target is tried."""


def found_for(target: str, answers: dict[Question[Any], Answer]) -> Finding:
    """The finding on a target that is looked up, and not tried."""
    kernel: dict[Question[Any], Answer] = {AskKernel(): Kernel("7.0.4", "#1", "x86_64")}
    host = FakeHost({**kernel, **WITHOUT, **UNTRIED, **answers})
    return one(run_check("kernel.targets", host, project_with(target)))


UNLINK = AskSymbols(("do_unlinkat", "filename_unlinkat"))


def test_a_kprobe_needs_its_symbol() -> None:
    found = found_for("kprobe/do_unlinkat", {UNLINK: Symbols(("do_unlinkat",))})
    assert found.status is Status.PASS
    assert found.key == "kernel.targets[kprobe/do_unlinkat]"


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
    (fix,) = found_for("fentry/do_unlinkat", {**answers, renamed: FunctionFacts(None)}).fixes
    assert "filename_unlinkat" not in fix.text


def test_a_function_of_too_many_parameters_has_no_trampoline() -> None:
    found = found_for("fentry/long_one", {AskFunction("long_one"): FunctionFacts(7, 13)})
    assert found.status is Status.FAIL
    assert "13 parameters" in found.summary
    most = found_for("fentry/long_one", {AskFunction("long_one"): FunctionFacts(7, 12)})
    assert most.status is Status.PASS


@pytest.mark.parametrize("reason", ["ENOENT", "broken"])
def test_without_btf_that_can_be_read_the_btf_is_the_root(reason: str) -> None:
    found = found_for("fentry/f", {AskFunction("f"): NoAnswer(reason)})
    assert found.status is Status.SKIP
    assert found.blocked_by == ("kernel.btf",)


SOUND = BtfFacts(size=4096, types=9, endianness="little", native=True, kernel=True)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (msgspec.structs.replace(SOUND, path="/boot/vmlinux-7.0.4"), Status.FAIL),
        (msgspec.structs.replace(SOUND, path=OWN), Status.UNKNOWN),
        (msgspec.structs.replace(SOUND, native=False), Status.SKIP),
        (msgspec.structs.replace(SOUND, kernel=False), Status.SKIP),
        (BtfFacts(wrong="cut"), Status.SKIP),
    ],
)
def test_the_btf_is_not_blamed_where_it_passes(facts: BtfFacts, status: Status) -> None:
    answers = {AskFunction("f"): NoAnswer("ENOENT"), AskKernelBtf(): facts}
    found = found_for("fentry/f", answers)
    assert (found.status, bool(found.fixes)) == (status, status is not Status.SKIP)


def test_a_kernel_without_any_lsm_hook_is_left_to_the_lsm() -> None:
    answers: dict[Question[Any], Answer] = {AskFunction("bpf_lsm_file_open"): FunctionFacts(None)}
    assert found_for("lsm/bpf", answers).blocked_by == ("kernel.lsm[load]",)
    answers = {
        AskFunction("bpf_lsm_file_open"): FunctionFacts(5, 1),
        AskFunction("bpf_lsm_bpf"): FunctionFacts(6, 3),
    }
    assert found_for("lsm/bpf", answers).status is Status.PASS


def test_an_iterator_is_a_function_too() -> None:
    answers: dict[Question[Any], Answer] = {AskFunction("bpf_iter_task"): FunctionFacts(5, 1)}
    assert found_for("iter/task", answers).status is Status.PASS
    answers[AskFunction("bpf_iter_nothing")] = FunctionFacts(None)
    assert found_for("iter/nothing", answers).status is Status.FAIL


@pytest.mark.parametrize(
    ("present", "status"),
    [
        ("__x64_sys_kill", Status.PASS),
        ("__se_sys_kill", Status.PASS),
        ("sys_kill", Status.FAIL),
    ],
)
def test_a_system_call_has_one_of_the_names_that_libbpf_tries(present: str, status: Status) -> None:
    names = AskSymbols(("__x64_sys_kill", "__se_sys_kill", "sys_kill"))
    assert found_for("ksyscall/kill", {names: Symbols((present,))}).status is status
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


READABLE = TracePlace("/sys/kernel/tracing", 0x74726163)
LISTED = msgspec.structs.replace(READABLE, events="EACCES")


@pytest.mark.parametrize("reason", ["EACCES", "EPERM", "ENOENT"])
@pytest.mark.parametrize(("place", "status"), [(READABLE, Status.UNKNOWN), (LISTED, Status.SKIP)])
def test_tracefs_is_not_blamed_where_it_can_be_read(
    reason: str, place: TracePlace, status: Status
) -> None:
    answers: dict[Question[Any], Answer] = {EXEC: NoAnswer(reason), AskTracefs(): Tracefs((place,))}
    found = found_for("tp/sched/sched_process_exec", answers)
    assert (found.status, bool(found.fixes)) == (status, status is Status.UNKNOWN)


FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
WORKED = Attempt()


def of_object(target: str, answers: dict[Question[Any], Answer]) -> Finding:
    """The finding on a target that is tried, for root."""
    project = project_with(target)
    known: dict[Question[Any], Answer] = {
        AskIdentity(): ROOT,
        AskKernel(): Kernel("6.12.0", "#1", "x86_64"),
        ListDirectory("/sys/kernel/btf"): Names(("nf_nat", "vmlinux")),
        **WITHOUT,
    }
    return one(run_check("kernel.targets", FakeHost({**known, **answers}), project))


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (WORKED, Status.PASS, "the kernel did it"),
        (Attempt("EADDRNOTAVAIL", "perf_event_open"), Status.FAIL, "several functions"),
        (Attempt("EINVAL", "perf_event_open"), Status.FAIL, "blacklist"),
        (Attempt("EMFILE", "perf_event_open"), Status.UNKNOWN, "EMFILE"),
    ],
)
def test_a_kprobe_is_tried_where_it_names(said: Attempt, status: Status, words: str) -> None:
    answers: dict[Question[Any], Answer] = {
        AskSymbols(("type_show",)): Symbols(("type_show",)),
        AttachKprobe(returns=True): WORKED,
        AttachKprobe(False, ("type_show",)): said,
    }
    found = of_object("kprobe/type_show", answers)
    assert (found.status, words in found.summary) == (status, True)


def test_a_name_that_several_functions_have_is_tried() -> None:
    answers: dict[Question[Any], Answer] = {
        AskSymbols(("type_show",)): Symbols(("type_show",), 3),
        AttachKprobe(returns=True): WORKED,
        AttachKprobe(False, ("type_show",)): WORKED,
    }
    assert of_object("kprobe/type_show", answers).status is Status.PASS


def test_where_no_kprobe_attaches_none_is_tried() -> None:
    answers: dict[Question[Any], Answer] = {
        AskSymbols(("vfs_unlink",)): Symbols(("vfs_unlink",)),
        AttachKprobe(returns=True): Attempt("ENOENT", "/sys/bus/event_source/devices/kprobe"),
    }
    assert of_object("kprobe/vfs_unlink+0x5", answers).status is Status.PASS


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (WORKED, Status.PASS),
        (Attempt("EBUSY", "bpf(BPF_RAW_TRACEPOINT_OPEN)"), Status.PASS),
        (Attempt("EINVAL", "bpf(BPF_PROG_LOAD)", "f is not sleepable"), Status.FAIL),
    ],
)
def test_what_is_loaded_for_its_target_is_judged_by_its_loading(
    said: Attempt, status: Status
) -> None:
    answers: dict[Question[Any], Answer] = {
        AskFunction("f"): FunctionFacts(7, 2),
        AttachTrampoline("fentry"): WORKED,
        AttachTrampoline("fentry", ("f",), sleepable=True): said,
    }
    found = of_object("fentry.s/f", answers)
    assert (found.key, found.status) == ("kernel.targets[fentry.s/f]", status)


@pytest.mark.parametrize(
    ("name", "symbols", "status"),
    [
        ("f", Symbols(("f",)), Status.UNKNOWN),
        ("f", Symbols(()), Status.FAIL),
        ("nf_nat:f", Symbols(("f",)), Status.UNKNOWN),
        ("not_loaded:f", Symbols(("f",)), Status.FAIL),
    ],
)
def test_a_function_may_be_in_the_btf_of_a_module(
    name: str, symbols: Symbols, status: Status
) -> None:
    answers: dict[Question[Any], Answer] = {
        AskFunction(name): FunctionFacts(None),
        AskSymbols(("f",)): symbols,
    }
    assert of_object(f"fentry/{name}", answers).status is status


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("kprobe/+5", "no name of a function"),
        ("kretprobe/vfs_unlink+5", "no offset for a return"),
    ],
)
def test_where_libbpf_puts_no_kprobe_none_is_tried(target: str, words: str) -> None:
    found = of_object(target, {})
    assert (found.status, words in found.summary) == (Status.FAIL, True)


def test_what_libbpf_leaves_unread_of_a_kprobe_is_left_out() -> None:
    answers: dict[Question[Any], Answer] = {
        AskSymbols(("vfs_unlink",)): Symbols(("vfs_unlink",)),
        AttachKprobe(returns=True): WORKED,
        AttachKprobe(False, ("vfs_unlink",)): WORKED,
    }
    assert of_object("kprobe/vfs_unlink and more", answers).status is Status.PASS


WRITABLE = LoadProgram("raw_tracepoint_writable")
RAW = LoadProgram("raw_tracepoint")
BY_NAME, BY_BTF = AttachRawTracepoint("x"), AttachBtfTracepoint("x")
MAY_WRITE = AttachRawTracepoint("x", writable=True)
NONE = Attempt("ENOENT", "bpf(BPF_RAW_TRACEPOINT_OPEN)")


@pytest.mark.parametrize(
    ("target", "answers", "status"),
    [
        ("raw_tp/x", {RAW: WORKED, BY_NAME: WORKED}, Status.PASS),
        ("raw_tp/x", {RAW: WORKED, BY_NAME: NONE}, Status.FAIL),
        ("raw_tp/x", {RAW: NONE}, Status.SKIP),
        ("raw_tp.w/x", {WRITABLE: WORKED, MAY_WRITE: WORKED}, Status.PASS),
        ("raw_tp.w/x", {WRITABLE: WORKED, MAY_WRITE: NONE}, Status.FAIL),
        ("raw_tp.w/x", {WRITABLE: NONE}, Status.SKIP),
        ("tp_btf/x", {RAW: WORKED, BY_BTF: WORKED}, Status.PASS),
        ("tp_btf/x", {RAW: WORKED, BY_BTF: NONE}, Status.UNKNOWN),
        ("tp_btf/x", {RAW: WORKED, BY_BTF: NoAnswer("ENOENT")}, Status.SKIP),
    ],
)
def test_a_raw_tracepoint_is_attached_to(
    target: str, answers: dict[Question[Any], Answer], status: Status
) -> None:
    assert of_object(target, answers).status is status


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("raw_tp/sched_switch", Status.PASS),
        ("raw_tp/no_such_tracepoint", Status.FAIL),
        ("tp/sched/sched_process_exec", Status.PASS),
        ("iter/task", Status.PASS),
        ("iter/nothing", Status.FAIL),
    ],
)
def test_the_running_kernel_is_tried(live: LiveHost, target: str, status: Status) -> None:
    project = project_with(target)
    assert one(run_check("kernel.targets", live, project)).status is status


def test_what_no_check_looks_up_is_left_out() -> None:
    assert run_check("kernel.targets", FakeHost(), project_with("usdt/libc.so.6:libc:setjmp")) == ()


def test_one_finding_a_target_whoever_names_it() -> None:
    found = run_check("kernel.targets", FakeHost(otherwise=NoAnswer("not-recorded")))
    assert {finding.status for finding in found} == {Status.UNKNOWN}
    assert "kernel.targets[fentry/do_unlinkat]" in {finding.key for finding in found}
    assert all(finding.fixes for finding in found)


@pytest.mark.parametrize(
    ("target", "look"),
    [
        ("kprobe/f", "As root: grep -wE 'f' /proc/kallsyms"),
        (
            "fentry/f",
            "As root: bpftool btf dump file /sys/kernel/btf/vmlinux | grep -w \"FUNC 'f'\"",
        ),
    ],
)
def test_what_could_not_be_read_comes_with_the_command_that_reads_it(
    target: str, look: str
) -> None:
    host = FakeHost(otherwise=NoAnswer("EACCES"))
    assert one(run_check("kernel.targets", host, project_with(target))).fixes[0].text == look


@pytest.mark.bpf
def test_this_kernel_has_what_every_kernel_has(live: LiveHost, needs: Any) -> None:
    needs("root")
    found = run_check("kernel.targets", live, project_with("kprobe/vfs_unlink", "kprobe/no_such"))
    assert [finding.status for finding in found] == [Status.PASS, Status.FAIL]


HIDDEN = NoAnswer("broken", "/proc/kallsyms is empty")
ANY = AttachKprobe(returns=True)
NO_SUCH = Attempt("ENOENT", "perf_event_open")
SEVERAL = Attempt("EADDRNOTAVAIL", "perf_event_open")


def without_symbols(target: str, names: tuple[str, ...], said: Mapping[str, Answer]) -> Finding:
    tried: dict[Question[Any], Answer] = {
        AttachKprobe(functions=(name,)): answer for name, answer in said.items()
    }
    return found_for(target, {AskSymbols(names): HIDDEN, AskIdentity(): ROOT, **tried, ANY: WORKED})


@pytest.mark.parametrize(
    ("said", "status"), [(WORKED, Status.PASS), (NO_SUCH, Status.FAIL), (SEVERAL, Status.FAIL)]
)
def test_where_no_symbols_are_shown_a_kprobe_tells(said: Attempt, status: Status) -> None:
    found = without_symbols("kprobe/vfs_unlink", ("vfs_unlink",), {"vfs_unlink": said})
    assert (found.status, bool(found.fixes)) == (status, status is Status.FAIL)
    assert "vfs_unlink" in found.summary


CALL = ("__x64_sys_kill", "__se_sys_kill", "sys_kill")


@pytest.mark.parametrize(
    ("there", "status"),
    [(CALL[0], Status.PASS), (CALL[1], Status.PASS), (CALL[2], Status.FAIL), ("", Status.FAIL)],
)
def test_where_no_symbols_are_shown_each_name_of_a_call_is_tried(
    there: str, status: Status
) -> None:
    said = {name: WORKED if name == there else NO_SUCH for name in CALL}
    assert without_symbols("ksyscall/kill", CALL, said).status is status


def test_where_no_kprobe_attaches_hidden_symbols_stay_unknown() -> None:
    refused = Attempt("EACCES", "perf_event_open")
    answers: dict[Question[Any], Answer] = {AskSymbols(("vfs_unlink",)): HIDDEN, ANY: refused}
    found = found_for("kprobe/vfs_unlink", answers)
    assert (found.status, bool(found.fixes)) == (Status.UNKNOWN, True)
