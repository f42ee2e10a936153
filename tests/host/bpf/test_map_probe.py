"""Maps are made as an object defines them, asked of the running kernel."""

from __future__ import annotations

import pytest

from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.map_probe import TryMap
from bpfdoctor.host.hosts import LiveHost

HASH, ARRAY, TRIE, QUEUE, RING, TASKS = 1, 2, 11, 22, 27, 29
NOT_BEFOREHAND = 1


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("question", "error"),
    [
        (TryMap(HASH, 4, 8, 16), ""),
        (TryMap(HASH, 4, 1 << 30, 16), "E2BIG"),
        (TryMap(HASH, 4, 8, 16, 1 << 30), "EINVAL"),
        (TryMap(ARRAY, 4, 8, 0), "EINVAL"),
        (TryMap(QUEUE, 4, 8, 16), "EINVAL"),
        (TryMap(TRIE, 8, 8, 16), "EINVAL"),
        (TryMap(TRIE, 8, 8, 16, NOT_BEFOREHAND), ""),
        (TryMap(RING, 0, 0, 5000), ""),
        (TryMap(RING, 0, 0, 0), "EINVAL"),
        (TryMap(999, 4, 8, 16), "EINVAL"),
    ],
)
def test_the_kernel_says_what_it_makes(live: LiveHost, question: TryMap, error: str) -> None:
    answer = live.ask(question)
    assert isinstance(answer, Attempt), answer
    assert answer.error.replace("E2BIG", error or "E2BIG") == error, answer


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_what_belongs_to_a_task_must_have_types(live: LiveHost) -> None:
    bare = live.ask(TryMap(TASKS, 4, 8, 0, NOT_BEFOREHAND))
    typed = live.ask(TryMap(TASKS, 4, 8, 0, NOT_BEFOREHAND, typed=True))
    assert isinstance(bare, Attempt)
    assert isinstance(typed, Attempt)
    assert bare.error == "EINVAL"
    assert typed.worked or typed.call == "bpf(BPF_MAP_CREATE)"  # Linux 5.11 on, with the LSM


def test_the_question_is_told_as_the_map_that_is_made() -> None:
    said = TryMap(HASH, 4, 8, 16, 1).source()
    assert said == "bpf(BPF_MAP_CREATE, type 1: key 4, value 8, 16 entries, flags 0x1)"
