"""object.maps: each map is made as the object defines it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
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
)
from bpfdoctor.host.live import LiveHost
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, project_named, run_check

PATH = "/tmp/some.bpf.o"
FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
HASH, REFUSED = ObjectMap("counts", "hash", 4, 8, 16), Attempt("EINVAL", "bpf(BPF_MAP_CREATE)")
STACKS = ObjectMap("stacks", "stack_trace", 4, 0, 16)


def the_object(*maps: ObjectMap, kernel_btf: bool = True) -> BpfObject:
    program = ObjectProgram("p", "xdp", "xdp", "xdp")
    return BpfObject((program,), maps, btf=True, kernel_btf=kernel_btf, license="GPL")


def made_by(each: ObjectMap) -> CreateMap:
    return CreateMap(each.type, each.key_size, each.value_size, each.entries, each.flags)


def found_for(
    whole: BpfObject, said: Mapping[ObjectMap, Answer] | None = None, identity: Identity = ROOT
) -> Finding:
    known: dict[Question[Any], Answer] = {AskBpfObject(PATH): whole, AskIdentity(): identity}
    known |= {made_by(each): answer for each, answer in (said or {}).items()}
    host = FakeHost(known, otherwise=NoAnswer("not-recorded"))
    return one(run_check("object.maps", host, project_of_object(PATH, whole)))


def test_what_the_kernel_makes_passes() -> None:
    assert found_for(the_object()).status is Status.PASS
    found = found_for(the_object(HASH), {HASH: Attempt()})
    assert (found.status, len(found.evidence)) == (Status.PASS, 2)


def test_what_root_is_refused_fails_and_what_a_user_is_refused_is_unknown() -> None:
    assert found_for(the_object(HASH), {HASH: REFUSED}).status is Status.FAIL
    denied = {HASH: Attempt("EPERM", "bpf(BPF_MAP_CREATE)")}
    assert found_for(the_object(HASH), denied, USER).status is Status.UNKNOWN
    assert found_for(the_object(HASH)).status is Status.UNKNOWN


@pytest.mark.parametrize("each", [STACKS, ObjectMap("ring", "ringbuf")])
def test_what_the_loader_must_size_is_unknown(each: ObjectMap) -> None:
    found = found_for(the_object(each), {each: REFUSED})
    assert (found.status, "must set its" in found.summary) == (Status.UNKNOWN, True)


def test_what_would_take_much_memory_is_not_made() -> None:
    large = ObjectMap("large", "hash", 4, 1 << 20, 1 << 20)
    assert found_for(the_object(large), {large: Attempt()}).status is Status.UNKNOWN


def test_what_cannot_be_made_alone_is_told_by_the_kernels_list() -> None:
    known, new = ObjectMap("inner", "hash_of_maps"), ObjectMap("area", "type 99")
    assert found_for(the_object(known)).status is Status.PASS
    assert found_for(the_object(new)).status is Status.FAIL
    assert found_for(the_object(new, kernel_btf=False)).status is Status.UNKNOWN


def test_the_worst_of_several_counts() -> None:
    said: dict[ObjectMap, Answer] = {HASH: REFUSED, STACKS: REFUSED}
    assert found_for(the_object(STACKS, HASH), said).status is Status.FAIL


def test_without_an_object_there_is_nothing_to_say() -> None:
    assert run_check("object.maps", FakeHost(), project_named()) == ()


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("each", "status"),
    [
        (HASH, Status.PASS),
        (ObjectMap("trie", "lpm_trie", 8, 8, 16, 1), Status.PASS),
        (ObjectMap("trie", "lpm_trie", 8, 8, 16), Status.FAIL),
        (ObjectMap("counts", "hash", 4, 8, 0), Status.UNKNOWN),
        (ObjectMap("counts", "hash", 4, 8, 16, 1 << 31), Status.FAIL),
        (ObjectMap("tasks", "task_storage", 4, 24, 0, 1), Status.PASS),
        (ObjectMap("tasks", "task_storage", 4, 24, 0), Status.FAIL),
    ],
)
def test_the_running_kernel_is_asked(live: LiveHost, each: ObjectMap, status: Status) -> None:
    answer = live.ask(made_by(each))
    assert isinstance(answer, Attempt)
    assert found_for(the_object(each), {each: answer}).status is status
