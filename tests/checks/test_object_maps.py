"""object.maps: each map that an object defines is made for a moment."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskIdentity,
    Attempt,
    BpfObject,
    CreateMap,
    Finding,
    Identity,
    NoAnswer,
    ObjectMap,
    ObjectProgram,
    Question,
    Status,
    TryMap,
)
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
ROOT = Identity(0, 0, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
QUEUE = ObjectMap("jobs", "queue", 22, 4, 8, 16)


def found_for(
    *maps: ObjectMap, answers: dict[Question[Any], Answer] | None = None, **changes: bool
) -> Finding:
    programs = (ObjectProgram("ours", "xdp", "xdp", "xdp"),)
    whole = BpfObject(programs, maps, btf=True, kernel_btf=True)
    whole = msgspec.structs.replace(whole, **changes)
    known: dict[Question[Any], Answer] = {
        AskIdentity(): ROOT,
        CreateMap("array", 4, 4, 1): Attempt(),
        CreateMap("ringbuf", 0, 0, 256 * 1024): Attempt(),
    }
    host = FakeHost({**known, **(answers or {})})
    return one(run_check("object.maps", host, project_of_object(PATH, whole)))


def test_a_type_of_map_that_the_kernel_has_not_fails() -> None:
    new = ObjectMap("arena", "type 99", 99)
    assert found_for(new).status is Status.FAIL
    assert found_for(new, kernel_btf=False).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (Attempt(), Status.PASS),
        (Attempt("EINVAL", "bpf(BPF_MAP_CREATE)"), Status.FAIL),
        (Attempt("ENOMEM", "bpf(BPF_MAP_CREATE)"), Status.UNKNOWN),
        (NoAnswer("not-recorded"), Status.UNKNOWN),
    ],
)
def test_a_map_is_made_as_it_is_defined(said: Answer, status: Status) -> None:
    found = found_for(QUEUE, answers={TryMap(22, 4, 8, 16): said})
    assert found.status is status
    assert status is Status.PASS or "jobs (queue)" in found.summary


@pytest.mark.parametrize(
    ("each", "asked", "named"),
    [
        (ObjectMap("m", "array", 2, 4, 8, 0), TryMap(2, 4, 8, 0), "max_entries"),
        (ObjectMap("m", "ringbuf", 27), TryMap(27, 0, 0, 0), "max_entries"),
        (ObjectMap("m", "stack_trace", 7, 4, 0, 9), TryMap(7, 4, 0, 9), "value_size"),
    ],
)
def test_what_its_loader_must_set_is_unknown(each: ObjectMap, asked: TryMap, named: str) -> None:
    found = found_for(each, answers={asked: Attempt("EINVAL", "bpf(BPF_MAP_CREATE)")})
    assert (found.status, named in found.summary) == (Status.UNKNOWN, True)


def test_storage_without_entries_is_as_it_should_be() -> None:
    each, asked = ObjectMap("m", "task_storage", 29, 4, 8), TryMap(29, 4, 8, 0)
    refused = Attempt("EINVAL", "bpf(BPF_MAP_CREATE)")
    assert found_for(each, answers={asked: refused}).status is Status.FAIL


@pytest.mark.parametrize(
    ("each", "asked"),
    [
        (ObjectMap("m", "hash", 1, 8, 56, 1 << 20), TryMap(1, 8, 56, 32768)),
        (ObjectMap("m", "hash", 1, 4, 1 << 30, 16), TryMap(1, 4, 1 << 30, 1)),
        (ObjectMap("m", "array", 2, 4, 8, 0), TryMap(2, 4, 8, 0)),
        (ObjectMap("m", "perf_event_array", 4, 4, 4, 0), TryMap(4, 4, 4, 1)),
        (ObjectMap("m", "ringbuf", 27, entries=1 << 28), TryMap(27, 0, 0, 1 << 22)),
        (ObjectMap("m", "task_storage", 29, 4, 8, 0, 1, True), TryMap(29, 4, 8, 0, 1, True)),
        (ObjectMap("m", "hash", 1, 4, 8, 4, 1, True), TryMap(1, 4, 8, 4, 1)),
    ],
)
def test_a_large_map_is_made_with_fewer_entries(each: ObjectMap, asked: TryMap) -> None:
    assert found_for(each, answers={asked: Attempt()}).status is Status.PASS


def test_who_is_not_root_may_not_pin() -> None:
    user = Identity(1000, 1 << 39, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
    kept, made = ObjectMap("m", "hash", 1, 4, 8, 4, pinned=1), TryMap(1, 4, 8, 4)
    assert found_for(kept, answers={AskIdentity(): user}).status is Status.UNKNOWN
    assert found_for(kept, answers={made: Attempt()}).status is Status.PASS


def test_maps_of_maps_and_those_that_take_much_memory_are_not_made() -> None:
    outer, large = (
        ObjectMap("o", "hash_of_maps", 13, 4, 4, 8),
        ObjectMap("l", "array", 2, 4, 1 << 29, 1),
    )
    assert found_for(outer).status is Status.PASS
    assert found_for(large).status is Status.PASS


@pytest.mark.parametrize(
    ("general", "root"),
    [
        (CreateMap("array", 4, 4, 1), "kernel.maps"),
        (CreateMap("ringbuf", 0, 0, 256 * 1024), "kernel.ringbuf"),
    ],
)
def test_a_map_that_is_refused_as_all_are_has_their_root(general: CreateMap, root: str) -> None:
    refused = Attempt("EPERM", "bpf(BPF_MAP_CREATE)")
    ring = ObjectMap("rb", "ringbuf", 27, 0, 0, 4096)
    found = found_for(ring, answers={TryMap(27, 0, 0, 4096): refused, general: refused})
    assert (found.status, found.blocked_by) == (Status.SKIP, (root,))


def test_one_map_that_is_refused_says_nothing_of_the_others() -> None:
    whole = BpfObject(
        (ObjectProgram("ours", "xdp", "xdp", "xdp"),),
        (QUEUE, ObjectMap("kept", "hash", 1, 4, 8, 16)),
        btf=True,
        kernel_btf=True,
    )
    refused = Attempt("EINVAL", "bpf(BPF_MAP_CREATE)")
    made = TryMap(1, 4, 8, 16)
    general = CreateMap("array", 4, 4, 1)
    answers = {made: Attempt(), TryMap(22, 4, 8, 16): refused, general: Attempt()}
    host = FakeHost({AskIdentity(): ROOT, **answers})
    found = run_check("object.maps", host, project_of_object(PATH, whole))
    assert {each.key: each.status for each in found} == {
        "object.maps[jobs]": Status.FAIL,
        "object.maps[kept]": Status.PASS,
    }
