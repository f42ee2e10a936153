"""What tracing programs attach to, by the kernel's own answers."""

from __future__ import annotations

from typing import Any

import pytest
from needing import needing

from bpfdoctor.api import (
    ASK_AS_ROOT,
    Answer,
    AskIdentity,
    AskTracer,
    AttachIterator,
    AttachKprobe,
    AttachTracepoint,
    AttachTrampoline,
    AttachUprobe,
    Attempt,
    Finding,
    Identity,
    NoAnswer,
    Question,
    Status,
    Tracer,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, run_check

FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
WORKS = Attempt()
ON = Tracer(on=True)
OFF = Tracer(on=False, silent=("trampoline", "kprobe"), untried=("trampoline", "kprobe"))
OFF_AND_OLD = Tracer(on=False, silent=("trampoline", "kprobe"), untried=("kprobe",))
LEFT_ALONE = NoAnswer("refused", "it is off")

PROBES: dict[str, tuple[Question[Attempt], ...]] = {
    "kernel.tracepoints": (
        AttachTracepoint("syscalls", "sys_enter_getcpu"),
        AttachTracepoint("sched", "sched_process_exec"),
    ),
    "kernel.kprobes": (AttachKprobe(returns=True),),
    "kernel.uprobes": (AttachUprobe(returns=True),),
    "kernel.trampolines": (AttachTrampoline("fentry"), AttachTrampoline("fexit")),
    "kernel.iterators": (AttachIterator(),),
}


def judged(check: str, *said: Answer, who: Answer = ROOT) -> tuple[Finding, ...]:
    """The findings of a check; the last answer given counts for the rest of its probes."""
    probes = PROBES[check]
    answers: dict[Question[Any], Answer] = {AskIdentity(): who, AskTracer(): ON}
    for index, probe in enumerate(probes):
        answers[probe] = said[min(index, len(said) - 1)]
    return run_check(check, FakeHost(answers))


def deciding(check: str, *said: Answer, who: Answer = ROOT) -> tuple[Finding, ...]:
    """Those findings that do not stand behind another of the same check."""
    return tuple(each for each in judged(check, *said, who=who) if not each.blocked_by)


@pytest.mark.parametrize("check", PROBES)
def test_what_the_kernel_did_passes(check: str) -> None:
    assert {each.status for each in judged(check, WORKS)} == {Status.PASS}
    assert all(each.evidence for each in judged(check, WORKS))


@pytest.mark.parametrize("check", PROBES)
@pytest.mark.parametrize("error", ["ENOENT", "EINVAL", "ENOTSUPP", "E2BIG", "errno 4000"])
def test_a_kernel_that_cannot_fails_with_the_errno(check: str, error: str) -> None:
    for found in deciding(check, Attempt(error, "bpf"), who=USER):
        assert found.status is Status.FAIL
        assert error in found.summary
        assert found.fixes


@pytest.mark.parametrize("check", PROBES)
@pytest.mark.parametrize("error", ["EPERM", "EACCES"])
def test_a_refusal_counts_for_root_alone(check: str, error: str) -> None:
    refused = Attempt(error, "bpf(BPF_PROG_LOAD)")
    for found in deciding(check, refused, who=USER):
        assert found.status is Status.UNKNOWN
        assert found.fixes == (ASK_AS_ROOT,)
    for found in deciding(check, refused, who=ROOT):
        assert found.status is Status.FAIL
        assert "although this is root" in found.summary


@pytest.mark.parametrize("check", PROBES)
@pytest.mark.parametrize(
    "answer",
    [NoAnswer("not-recorded"), Attempt("ENOMEM", "bpf"), Attempt("EBUSY", "perf_event_open")],
)
def test_no_answer_and_a_passing_errno_prove_nothing(check: str, answer: Answer) -> None:
    assert {each.status for each in deciding(check, answer)} == {Status.UNKNOWN}


def test_fentry_and_fexit_must_both_work_and_one_finding_says_so() -> None:
    found = one(deciding("kernel.trampolines", WORKS, Attempt("EINVAL", "bpf")))
    assert found.status is Status.FAIL
    assert "fexit" in found.summary


def test_a_missing_kind_of_tracepoint_is_named() -> None:
    missing = Attempt("ENOENT", "reading the id of tracepoint syscalls/sys_enter_getcpu")
    found = {each.about: each.status for each in judged("kernel.tracepoints", missing, WORKS)}
    assert found == {"syscalls": Status.FAIL, "sched": Status.PASS}


def test_the_reason_is_in_words() -> None:
    no_source = Attempt("ENOENT", "/sys/bus/event_source/devices/kprobe")
    assert "CONFIG_KPROBE_EVENTS" in one(judged("kernel.kprobes", no_source)).summary


@pytest.mark.parametrize("check", ["kernel.trampolines", "kernel.iterators"])
@pytest.mark.parametrize(
    ("error", "call"),
    [
        ("ENOTSUPP", "bpf(BPF_RAW_TRACEPOINT_OPEN)"),
        ("EBUSY", "bpf(BPF_RAW_TRACEPOINT_OPEN)"),
        ("EINVAL", "bpf(BPF_LINK_CREATE)"),
    ],
)
def test_what_loads_and_does_not_attach_fails_there_alone(
    check: str, error: str, call: str
) -> None:
    load, attach = judged(check, Attempt(error, call))
    assert (load.about, load.status) == ("load", Status.PASS)
    assert (attach.about, attach.status) == ("attach", Status.FAIL)
    assert error in attach.summary


def test_what_does_not_load_blocks_attaching() -> None:
    refused = Attempt("EINVAL", "bpf(BPF_PROG_LOAD)")
    load, attach = judged("kernel.trampolines", refused)
    assert load.status is Status.FAIL
    assert attach.blocked_by == ("kernel.trampolines[load]",)


def test_trampolines_of_another_architecture_are_explained() -> None:
    said = Attempt("ENOTSUPP", "bpf(BPF_RAW_TRACEPOINT_OPEN)")
    assert "arm64 has from 6.4" in judged("kernel.trampolines", said)[1].summary


@pytest.mark.bpf
@pytest.mark.parametrize("check", PROBES)
def test_root_on_an_open_machine_is_never_left_in_doubt(
    kernel: None, live: LiveHost, check: str
) -> None:
    for found in run_check(check, live):
        if found.blocked_by:
            continue
        assert found.status in (Status.PASS, Status.FAIL)


def with_tracer(check: str, tracer: Tracer, answers: dict[Question[Any], Answer]) -> list[Finding]:
    host = FakeHost({AskIdentity(): ROOT, AskTracer(): tracer, **answers})
    return list(run_check(check, host))


def test_while_the_tracer_is_off_a_kprobe_attaches_as_far_as_anybody_may_tell() -> None:
    kretprobe: dict[Question[Any], Answer] = {AttachKprobe(returns=True): LEFT_ALONE}
    found = one(with_tracer("kernel.kprobes", OFF, kretprobe))
    assert found.status is Status.PASS
    assert "silent" in found.summary
    assert one(with_tracer("kernel.kprobes", ON, kretprobe)).status is Status.UNKNOWN


def test_a_kernel_without_kprobes_has_none_while_the_tracer_is_off_either() -> None:
    none: dict[Question[Any], Answer] = {AttachKprobe(returns=True): Attempt("ENOENT", "kprobe")}
    assert one(with_tracer("kernel.kprobes", OFF, none)).status is Status.FAIL


def test_while_the_tracer_is_off_a_trampoline_is_loaded_alone() -> None:
    load, attach = with_tracer(
        "kernel.trampolines",
        OFF,
        {
            AttachTrampoline("fentry"): LEFT_ALONE,
            AttachTrampoline("fentry", loading=True): WORKS,
            AttachTrampoline("fexit", loading=True): WORKS,
        },
    )
    assert (load.status, attach.status) == (Status.PASS, Status.PASS)
    assert "silent" in attach.summary


def test_a_trampoline_that_an_old_kernel_refuses_is_the_tracers_to_mend() -> None:
    busy = Attempt("EBUSY", "bpf(BPF_RAW_TRACEPOINT_OPEN)")
    answers: dict[Question[Any], Answer] = dict.fromkeys(PROBES["kernel.trampolines"], busy)
    load, attach = with_tracer("kernel.trampolines", OFF_AND_OLD, answers)
    assert load.status is Status.PASS
    assert attach.blocked_by == ("kernel.function-tracer",)
    _, attach = with_tracer("kernel.trampolines", ON, answers)
    assert attach.status is Status.FAIL


def in_category(*targets: str, **said: Attempt) -> tuple[Finding, FakeHost]:
    """The finding on category `net`, by what the kernel says of its tracepoints."""
    answers: dict[Question[Any], Answer] = {AskIdentity(): ROOT}
    answers |= dict.fromkeys(PROBES["kernel.tracepoints"], WORKS)
    answers |= {AttachTracepoint("net", name): each for name, each in said.items()}
    keys = [f"kernel.targets[tp/{target}]" for target in targets]
    host = FakeHost(answers)
    found = run_check("kernel.tracepoints", host, needing("kernel.tracepoints[net]", *keys))
    (mine,) = [each for each in found if each.about == "net"]
    assert {each.about for each in found} == {"syscalls", "sched", "net"}
    return mine, host


def test_a_tracepoint_is_tried_in_its_own_category() -> None:
    found, host = in_category("block/one", "net/two", two=WORKS)
    assert found.status is Status.PASS
    assert AttachTracepoint("block", "one") not in host.asked
    found, _ = in_category("net/two", two=Attempt("EINVAL", "ioctl"))
    assert found.status is Status.FAIL


def test_a_tracepoint_that_is_not_there_is_for_the_targets_to_say() -> None:
    gone = Attempt("ENOENT", "reading the id")
    found, _ = in_category("net/one", "net/two", one=gone, two=WORKS)
    assert found.status is Status.PASS
    found, _ = in_category("net/one", one=gone)
    assert found.blocked_by == ("kernel.targets[tp/net/one]",)
