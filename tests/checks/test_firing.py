"""Whether attached programs run, by kind; and the function tracer, by which some do."""

from __future__ import annotations

from typing import Any

import pytest
from needing import needing

from bpfdoctor.api import (
    Answer,
    AskLoadable,
    AskTracer,
    AttachClassifier,
    AttachIterator,
    AttachKprobe,
    AttachSocketFilter,
    AttachTracepoint,
    AttachTrampoline,
    AttachUprobe,
    Attempt,
    ByHand,
    Finding,
    FiredOnce,
    FireLsm,
    FireOnce,
    LsmFired,
    Modules,
    NoAnswer,
    Question,
    Run,
    Status,
    Tracer,
)
from bpfdoctor.api.bpf import KPROBES_ENABLED
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, run_check

ON = Tracer(on=True)
OFF = Tracer(on=False, silent=("trampoline", "kprobe"), untried=("trampoline", "kprobe"))
OFF_ON_ARM = Tracer(on=False, silent=("trampoline",), untried=("trampoline",))
HIT = FiredOnce(Attempt(), 1, "the target")
REFUSED = Attempt("EINVAL", "bpf(BPF_PROG_LOAD)")
NONE_LOADABLE = Modules(())

ATTACH: dict[str, tuple[Question[Attempt], str]] = {
    "kprobe": (AttachKprobe(returns=True), "kernel.kprobes"),
    "uprobe": (AttachUprobe(returns=True), "kernel.uprobes"),
    "trampoline": (AttachTrampoline("fentry"), "kernel.trampolines[attach]"),
    "tracepoint": (AttachTracepoint("sched", "sched_process_exec"), "kernel.tracepoints[sched]"),
    "classifier": (AttachClassifier(), "kernel.tc"),
    "socket-filter": (AttachSocketFilter(), "kernel.socket-filter"),
    "iterator": (AttachIterator(), "kernel.iterators[attach]"),
}
SYSCALLS = AttachTracepoint("syscalls", "sys_enter_getcpu")


def judged(
    kind: str,
    fired: Answer,
    attached: Answer = Attempt(),  # noqa: B008  (frozen)
    *,
    tracer: Answer = ON,
    modules: Answer = NONE_LOADABLE,
) -> Finding:
    """The finding on one kind."""
    answers: dict[Question[Any], Answer] = {
        FireOnce(kind): fired,  # type: ignore[arg-type]
        ATTACH[kind][0]: attached,
        AskTracer(): tracer,
        AskLoadable(("sch_ingress", "cls_bpf")): modules,
    }
    answers.setdefault(SYSCALLS, Attempt())
    return one(run_check("kernel.fires", FakeHost(answers), needing(f"kernel.fires[{kind}]")))


@pytest.mark.parametrize("kind", ATTACH)
def test_what_was_hit_and_counted_fires(kind: str) -> None:
    found = judged(kind, HIT)
    assert (found.status, found.about) == (Status.PASS, kind)
    assert "counted" in found.summary
    assert found.evidence


@pytest.mark.parametrize("kind", ATTACH)
def test_what_is_attached_and_silent_fails(kind: str) -> None:
    found = judged(kind, FiredOnce(Attempt(), 0, "the target"))
    assert found.status is Status.FAIL
    assert "silent" in found.summary
    assert found.fixes


@pytest.mark.parametrize("kind", ATTACH)
@pytest.mark.parametrize("attached", [REFUSED, NoAnswer("EPERM")])
def test_what_does_not_attach_is_one_failure_and_not_two(kind: str, attached: Answer) -> None:
    for fired in (FiredOnce(REFUSED), NoAnswer("EPERM")):
        assert judged(kind, fired, attached).blocked_by == (ATTACH[kind][1],)


@pytest.mark.parametrize("kind", ATTACH)
@pytest.mark.parametrize(
    "fired", [FiredOnce(REFUSED), NoAnswer("timed-out"), FiredOnce(Attempt(), 0, "it", "EPERM")]
)
def test_what_could_not_be_tried_is_neither_ready_nor_broken(kind: str, fired: Answer) -> None:
    found = judged(kind, fired)
    assert found.status is Status.UNKNOWN
    assert found.fixes


@pytest.mark.parametrize("kind", ATTACH)
def test_where_nothing_can_hit_it_the_row_says_not_fired(kind: str) -> None:
    found = judged(kind, FiredOnce(Attempt()))
    assert found.status is Status.PASS
    assert "not fired" in found.summary


@pytest.mark.parametrize(
    ("armed", "said", "advice"),
    [
        ("0", f"{KPROBES_ENABLED} is 0", "echo 1 >"),
        ("1", "silent", "another kind"),
        ("ENOENT", "silent", "mount -t debugfs"),
        ("EACCES", "silent", "mount -t debugfs"),
    ],
)
def test_kprobes_that_are_switched_off_are_told_with_the_switch(
    armed: str, said: str, advice: str
) -> None:
    found = judged("kprobe", FiredOnce(Attempt(), 0, "it", armed=armed))
    assert said in found.summary
    (fix,) = found.fixes
    assert isinstance(fix, ByHand)
    assert advice in fix.text


@pytest.mark.parametrize(
    ("kind", "tracer", "silenced"),
    [
        ("kprobe", OFF, True),
        ("trampoline", OFF, True),
        ("kprobe", OFF_ON_ARM, False),
        ("trampoline", OFF_ON_ARM, True),
        ("uprobe", OFF, False),
        ("tracepoint", OFF, False),
        ("iterator", OFF, False),
    ],
)
def test_what_the_tracer_silences_is_behind_the_tracer(
    kind: str, tracer: Tracer, silenced: bool
) -> None:
    found = judged(kind, HIT, tracer=tracer)
    assert (found.blocked_by == ("kernel.function-tracer",)) is silenced


@pytest.mark.parametrize(
    ("modules", "tried"),
    [
        (Modules(("cls_bpf",)), False),
        (Modules(("cls_bpf",), lacking=("sch_ingress",)), True),
        (NONE_LOADABLE, True),
        (NoAnswer("EACCES"), True),
    ],
)
def test_no_module_is_loaded_for_a_trial(modules: Answer, tried: bool) -> None:
    found = judged("classifier", HIT, modules=modules)
    assert found.status is Status.PASS
    assert ("not fired" in found.summary) is not tried


@pytest.mark.parametrize(
    ("fired", "status"),
    [
        (LsmFired(Attempt(), 1), Status.PASS),
        (LsmFired(Attempt(), 0), Status.SKIP),
        (LsmFired(REFUSED), Status.SKIP),
        (NoAnswer("EPERM"), Status.SKIP),
    ],
)
def test_an_lsm_program_that_is_silent_is_told_once(fired: Answer, status: Status) -> None:
    host = FakeHost({FireLsm(): fired, AskTracer(): ON})
    found = one(run_check("kernel.fires", host, needing("kernel.fires[lsm]")))
    assert found.status is status
    assert found.blocked_by == (("kernel.lsm-active",) if status is Status.SKIP else ())


def test_nothing_is_fired_that_no_program_needs() -> None:
    assert run_check("kernel.fires", FakeHost(), needing("kernel.kprobes")) == ()


def tracer(answer: Answer) -> Finding:
    host = FakeHost({AskTracer(): answer})
    return one(run_check("kernel.function-tracer", host, needing("kernel.fires[kprobe]")))


def test_a_tracer_that_is_off_is_turned_on_by_its_sysctl() -> None:
    found = tracer(OFF)
    assert found.status is Status.FAIL
    assert "kprobes" in found.summary
    (fix,) = found.fixes
    assert isinstance(fix, Run)
    assert fix.argv[-1] == "kernel.ftrace_enabled=1"
    assert "kprobes" not in tracer(OFF_ON_ARM).summary


def test_a_tracer_that_is_on_or_cannot_be_turned_off_is_in_nobodys_way() -> None:
    assert tracer(ON).status is Status.PASS
    assert tracer(NoAnswer("ENOENT")).status is Status.PASS
    assert tracer(NoAnswer("EACCES")).status is Status.UNKNOWN


def test_the_tracer_is_not_asked_for_what_does_not_use_it() -> None:
    assert run_check("kernel.function-tracer", FakeHost(), needing("kernel.tc")) == ()


@pytest.mark.bpf
@pytest.mark.parametrize("kind", [*ATTACH, "lsm"])
def test_this_kernel_answers(kernel: None, live: LiveHost, kind: str) -> None:
    found = one(run_check("kernel.fires", live, needing(f"kernel.fires[{kind}]")))
    assert found.status in (Status.PASS, Status.SKIP), found.summary
