"""What a program may call, asked of the running kernel."""

from __future__ import annotations

import pytest

from bpfdoctor.host.bpf.call_probe import Calls, ProbeCalls
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs
from bpfdoctor.host.bpf.uapi import BPF_F_SLEEPABLE
from bpfdoctor.host.hosts import LiveHost

PID_TGID, SKB_LOAD_BYTES, COPY_FROM_USER, GET_TASK, NONE = 14, 26, 148, 35, 9999


def refused(live: LiveHost, question: ProbeCalls) -> set[str]:
    answer = live.ask(question)
    assert isinstance(answer, Calls), answer
    assert answer.plain.worked, answer
    return {each.what for each in answer.refused}


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (ProbeCalls(ProgramAttrs("tracepoint"), (PID_TGID, SKB_LOAD_BYTES, NONE)), {"26", "9999"}),
        (ProbeCalls(ProgramAttrs("sched_cls"), (PID_TGID, SKB_LOAD_BYTES)), set()),
        (ProbeCalls(ProgramAttrs("kprobe", license="Proprietary"), (PID_TGID, GET_TASK)), {"35"}),
        (ProbeCalls(ProgramAttrs("kprobe"), (COPY_FROM_USER,)), {"148"}),
        (ProbeCalls(ProgramAttrs("tracepoint")), set()),
    ],
)
def test_the_verifier_says_which_calls_it_does_not_allow(
    live: LiveHost, question: ProbeCalls, expected: set[str]
) -> None:
    assert refused(live, question) == expected


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_what_may_sleep_may_call_more(live: LiveHost) -> None:
    answer = live.ask(ProbeCalls(ProgramAttrs("kprobe", flags=BPF_F_SLEEPABLE), (COPY_FROM_USER,)))
    assert isinstance(answer, Calls)
    if answer.plain.worked:  # Linux 6.0 on
        assert answer.refused == ()
    else:
        assert answer.plain.error == "EINVAL"


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_a_function_of_the_kernel_is_not_anyones_to_call(live: LiveHost) -> None:
    named = ProbeCalls(ProgramAttrs("xdp"), functions=("vfs_unlink", "no_such_function"))
    assert refused(live, named) <= {"vfs_unlink"}


def test_the_answer_is_told_in_the_verifiers_words(live: LiveHost) -> None:
    assert "call helper 14, f; exit" in ProbeCalls(ProgramAttrs("xdp"), (14,), ("f",)).source()
    assert "call nothing; exit" in ProbeCalls(ProgramAttrs("xdp")).source()
