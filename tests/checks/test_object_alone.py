"""An object that is judged for a machine that was recorded: what is not known there is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    AskIdentity,
    AskKernel,
    AskSecurityFile,
    AskSymbols,
    AttachIterator,
    AttachKprobe,
    Attempt,
    BpfObject,
    Finding,
    Identity,
    Kernel,
    KernelOption,
    ListDirectory,
    Names,
    NoAnswer,
    ObjectExtern,
    ObjectProgram,
    Question,
    Status,
    Symbols,
    kernel,
)
from bpfdoctor.host.question import NOT_RECORDED
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
UNRECORDED = NoAnswer(NOT_RECORDED, "the snapshot holds no answer to this")
ROOT = Identity(0, (1 << 41) - 1, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))


def found(
    check_id: str,
    program: ObjectProgram,
    answers: dict[Question[Any], Answer] | None = None,
    **facts: Any,
) -> Finding:
    whole = BpfObject((program,), (), btf=True, **{"kernel_btf": False, "license": "GPL", **facts})
    known: dict[Question[Any], Answer] = {AskBpfObject(PATH): whole, AskIdentity(): ROOT}
    host = FakeHost({**known, **(answers or {})}, UNRECORDED)
    return one(run_check(check_id, host, project_of_object(PATH, whole)))


PLAIN = ObjectProgram("ours", "tp/sched/x", "tracepoint", "tp", "sched/x", relocations=2)
EXTENSION = ObjectProgram("ours", "freplace", "ext", "freplace", helpers=("ktime",), numbers=(5,))
WALK = ObjectProgram("ours", "iter/x", "tracing", "iter", "x")
PROBE = ObjectProgram("ours", "kprobe/f", "kprobe", "kprobe", "f")


def test_relocations_that_nothing_was_compared_with_blame_no_missing_btf() -> None:
    alone = found("object.relocations", PLAIN, alone=True)
    assert (alone.status, alone.blocked_by) == (Status.UNKNOWN, ())
    assert "snapshot" in alone.summary
    here = found("object.relocations", PLAIN)
    assert (here.status, here.blocked_by) == (Status.SKIP, ("kernel.btf",))


@pytest.mark.parametrize("sort", ["function", "variable"])
def test_what_the_kernels_btf_must_have_is_unknown_without_it(sort: Any) -> None:
    nothing_else: dict[Question[Any], Answer] = {
        ListDirectory("/sys/kernel/btf"): Names(("vmlinux",))
    }
    alone = found(
        "object.externs", PLAIN, nothing_else, alone=True, externs=(ObjectExtern("f", sort),)
    )
    assert (alone.status, alone.blocked_by) == (Status.UNKNOWN, ())
    here = found("object.externs", PLAIN, externs=(ObjectExtern("f", sort),))
    assert (here.status, here.blocked_by) == (Status.SKIP, ("kernel.btf",))


def test_what_the_program_can_do_without_is_not_asked_for() -> None:
    weak = ObjectExtern("f", "function", weak=True)
    assert found("object.externs", PLAIN, alone=True, externs=(weak,)).status is Status.PASS


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (KernelOption("y", "/boot/config-6.1"), Status.PASS),
        (KernelOption("n", "/boot/config-6.1"), Status.FAIL),
        (UNRECORDED, Status.UNKNOWN),
    ],
)
def test_an_option_is_as_it_was_recorded(answer: Answer, status: Status) -> None:
    option = ObjectExtern("CONFIG_BPF", "option", type="bool", most=1)
    answers: dict[Question[Any], Answer] = {kernel.Option("CONFIG_BPF"): answer}
    ours = found("object.externs", PLAIN, answers, alone=True, externs=(option,))
    assert ours.status is status


def test_helpers_that_no_kernel_was_asked_for_are_unknown() -> None:
    lockdown: dict[Question[Any], Answer] = {AskSecurityFile("lockdown"): NoAnswer("ENOENT")}
    alone = found("object.helpers", EXTENSION, lockdown, alone=True)
    assert alone.status is Status.UNKNOWN
    assert "snapshot" in alone.summary
    assert found("object.helpers", EXTENSION, lockdown, kernel_btf=True).status is Status.PASS


@pytest.mark.parametrize(
    ("first", "status"),
    [(UNRECORDED, Status.UNKNOWN), (Attempt("ENOENT", "bpf"), Status.SKIP)],
)
def test_a_trial_that_nobody_made_there_is_not_put_down_to_the_kernel(
    first: Answer, status: Status
) -> None:
    ours = found("object.programs", WALK, {AttachIterator(): first}, alone=True)
    assert ours.status is status


@pytest.mark.parametrize(
    ("first", "status"),
    [
        (UNRECORDED, Status.UNKNOWN),
        (Attempt("", "perf_event_open"), Status.UNKNOWN),
        (Attempt("ENOENT", "perf_event_open"), Status.PASS),  # kernel.kprobes fails by that
    ],
)
def test_a_function_that_is_there_is_not_one_that_takes_a_kprobe(
    first: Answer, status: Status
) -> None:
    answers: dict[Question[Any], Answer] = {
        AskKernel(): Kernel("6.1.0", "#1", "x86_64"),
        AskSymbols(("f",)): Symbols(("f",)),
        AttachKprobe(returns=True): first,
    }
    assert found("kernel.targets", PROBE, answers, alone=True).status is status
