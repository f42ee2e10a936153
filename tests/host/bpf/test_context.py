"""What a program may read of its context and return, asked of the running kernel."""

from __future__ import annotations

import pytest

from bpfdoctor.host.bpf.attach import AttachRawTracepoint, AttachTracepoint
from bpfdoctor.host.bpf.call_probe import Calls, ProbeCalls
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.context import READING, TryContext
from bpfdoctor.host.bpf.map_probe import TryMap
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs, last_words
from bpfdoctor.host.hosts import LiveHost

EXEC = "tp_btf/sched_process_exec"
"""It is given a task, a number, and what is executed."""

NUMBER = "*(u64 *)(*(u64 *)(r1 + 8) + 0)"
TEN, MINUS_ONE = 10, (1 << 64) - 1


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (TryContext(ProgramAttrs("kprobe"), reads=((0, 8), (160, 8))), set()),
        (TryContext(ProgramAttrs("kprobe"), reads=((0, 8), (320, 8))), {READING}),
        (TryContext(ProgramAttrs("socket_filter"), returns=(0, TEN, MINUS_ONE)), set()),
        (
            TryContext(ProgramAttrs("cgroup_skb"), returns=(1, TEN, MINUS_ONE)),
            {"returning 10", "returning -1"},
        ),
        (TryContext(ProgramAttrs("cgroup_skb"), returned=(0,)), {"returning *(u64 *)(r1 + 0)"}),
        (TryContext(ProgramAttrs("cgroup_sock_addr", attach=19), returns=(1,)), set()),
        (TryContext(ProgramAttrs("tracing", target=EXEC), reads=((0, 8),)), set()),
        (TryContext(ProgramAttrs("tracing", target=EXEC), reads=((24, 8),)), {READING}),
        (TryContext(ProgramAttrs("tracing", target=EXEC), through=((0, 0, 8), (16, 0, 8))), set()),
        (TryContext(ProgramAttrs("tracing", target=EXEC), through=((8, 0, 8),)), {NUMBER}),
        (
            TryContext(ProgramAttrs("tracing", target="iter/task"), returns=(0, 1, 2)),
            {"returning 2"},
        ),
    ],
)
def test_the_verifier_says_what_it_does_not_allow(
    live: LiveHost, question: TryContext, expected: set[str]
) -> None:
    answer = live.ask(question)
    assert isinstance(answer, Calls), answer
    assert answer.plain.worked, answer
    assert {each.what for each in answer.refused} == expected
    assert all(each.why and not each.why.startswith("processed") for each in answer.refused)


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_a_map_is_tried_where_the_kernel_makes_it(live: LiveHost) -> None:
    plain, queue = TryMap(1, 4, 8, 4), TryMap(22, 4, 8, 4)
    answer = live.ask(TryContext(ProgramAttrs("kprobe"), maps=(plain, queue)))
    assert isinstance(answer, Calls)
    assert answer.refused == ()
    storage = TryMap(19, 12, 8, 0)  # of a cgroup
    other = live.ask(TryContext(ProgramAttrs("kprobe"), maps=(storage,)))
    assert isinstance(other, Calls)
    assert other.refused == () or other.refused[0].what == storage.source()


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_what_is_loaded_for_a_target_is_asked_for_that_target(live: LiveHost) -> None:
    answer = live.ask(ProbeCalls(ProgramAttrs("tracing", target="iter/task"), (14, 148, 26)))
    assert isinstance(answer, Calls)
    assert {each.what for each in answer.refused} == {"148", "26"}
    for question in (
        TryContext(ProgramAttrs("tracing", target="iter/no_such_thing"), returns=(0,)),
        ProbeCalls(ProgramAttrs("tracing", target="tp_btf/no_such_tracepoint")),
    ):
        missing = live.ask(question)
        assert isinstance(missing, Calls)
        assert missing.plain.error == "ENOENT"


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_a_tracepoint_is_not_read_beyond_its_end(live: LiveHost) -> None:
    assert live.ask(AttachTracepoint("sched", "sched_process_exec", 16)) == Attempt()
    far = live.ask(AttachTracepoint("sched", "sched_process_exec", 808))
    assert isinstance(far, Attempt)
    assert far.error == "EACCES"
    assert live.ask(AttachRawTracepoint("sched_process_exec", 24)) == Attempt()
    further = live.ask(AttachRawTracepoint("sched_process_exec", 25))
    assert isinstance(further, Attempt)
    assert further.error == "EINVAL"


def test_the_question_is_told_as_the_program_that_is_tried() -> None:
    said = TryContext(ProgramAttrs("xdp"), ((4, 2),), (TEN, MINUS_ONE), (8,)).source()
    assert said == (
        "bpf(BPF_PROG_LOAD, xdp: r0 = *(u16 *)(r1 + 4); r0 = 10 or -1 or *(u64 *)(r1 + 8); exit)"
    )


def test_the_last_words_are_not_the_statistics() -> None:
    log = "0: (95) exit\nR0 !read_ok\nverification time 12 usec\nprocessed 1 insns (limit 1000000)"
    assert last_words(log) == "R0 !read_ok"
    assert last_words("") == ""
