"""object.context: what a program reads and returns is tried in a program of the same kind."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    AskIdentity,
    Attempt,
    BpfObject,
    Calls,
    Finding,
    Identity,
    NoAnswer,
    ObjectMap,
    ObjectProgram,
    ProgramAttrs,
    Question,
    Refused,
    Status,
    TryContext,
    TryMap,
)
from bpfdoctor.host.elf.context import ContextUse
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 1 << 39, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
USE = ContextUse(reads=((24, 8),), returned=(24,))
PLAIN = ObjectProgram("ours", "lsm/bpf", "lsm", "lsm", "bpf", context=USE)
ASKED = TryContext(ProgramAttrs("lsm", target="lsm/bpf"), reads=((24, 8),), returned=(24,))
WORKED = Attempt()
READ, ZERO = Refused("its context", "no 5-th"), Refused("returning 0", "no")
WORD = Refused("returning *(u64 *)(r1 + 24)", "no")


def found_for(
    said: Answer | None = None,
    asked: TryContext = ASKED,
    identity: Identity = ROOT,
    **changes: Any,
) -> Finding:
    program = msgspec.structs.replace(PLAIN, **changes)
    whole = BpfObject((program,), (), btf=True, kernel_btf=True, license="GPL")
    known: dict[Question[Any], Answer] = {AskBpfObject(PATH): whole, AskIdentity(): identity}
    if said is not None:
        known[asked] = said
    return one(run_check("object.context", FakeHost(known), project_of_object(PATH, whole)))


@pytest.mark.parametrize(("alone", "asked"), [(True, ()), (False, ((8, 0, 1),))])
def test_what_is_read_through_is_tried_where_the_kernel_said_where_it_lies(
    alone: bool, asked: tuple[tuple[int, int, int], ...]
) -> None:
    use = ContextUse(reads=((8, 8),), through=((8, 0, 1),))
    program = ObjectProgram("ours", "fentry/f", "tracing", "fentry", "f", context=use)
    whole = BpfObject((program,), (), btf=True, kernel_btf=not alone, license="GPL", alone=alone)
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    run_check("object.context", host, project_of_object(PATH, whole))
    tried = [each.through for each in host.asked if isinstance(each, TryContext)]
    assert tried == [asked]


def test_what_is_allowed_passes() -> None:
    found = found_for(Calls(WORKED))
    assert (found.status, found.key) == (Status.PASS, "object.context[ours]")


@pytest.mark.parametrize(
    ("refused", "use", "status"),
    [
        ((WORD,), {}, Status.FAIL),
        ((READ, WORD), {}, Status.FAIL),
        ((READ,), {"returns": (0,)}, Status.FAIL),
        ((WORD,), {"returns": (0,)}, Status.FAIL),
        ((WORD,), {"returns": (0,), "weighed": (24,)}, Status.UNKNOWN),
        ((ZERO,), {"returns": (0,)}, Status.UNKNOWN),
        ((WORD, ZERO), {"returns": (0,)}, Status.FAIL),
        ((WORD,), {"others": True}, Status.FAIL),
        ((ZERO,), {"returns": (0,), "returned": (), "others": True}, Status.UNKNOWN),
    ],
)
def test_a_value_is_refused_for_sure_where_there_is_no_other(
    refused: tuple[Refused, ...], use: dict[str, Any], status: Status
) -> None:
    given = {name: use[name] for name in ("returns", "returned") if name in use}
    asked = msgspec.structs.replace(ASKED, **given)
    context = msgspec.structs.replace(USE, **use)
    found = found_for(Calls(WORKED, refused), asked, context=context)
    assert found.status is status
    assert found.fixes


NOTHING = {"reads": (), "returns": (), "returned": ()}


@pytest.mark.parametrize(
    "alone", [{"reads": ((24, 8),)}, {"returns": (7,)}, {"returned": (24,)}], ids=str
)
def test_a_program_of_which_one_thing_can_be_followed_is_tried_for_it(
    alone: dict[str, Any],
) -> None:
    known = {**NOTHING, **alone}
    asked, use = msgspec.structs.replace(ASKED, **known), msgspec.structs.replace(USE, **known)
    refused = Refused("what it does", "no")
    found = found_for(Calls(WORKED, (refused,)), asked, context=use)
    assert found.status in (Status.FAIL, Status.UNKNOWN)
    assert "what it does: no" in found.summary


HASH = ObjectMap("table", "hash", 1, 4, 8, 16)
OTHERS = (ObjectMap("not_its_own", "array", 2, 4, 8, 1), ObjectMap("arena", "arena", 33, 0, 0, 1))
OUTER = ObjectMap("outer", "array_of_maps", 12, 4, 4, 1)


def with_maps(said: Answer | None, *maps: str) -> Finding:
    """The finding on a program that uses these maps of its object, and does nothing else."""
    program = msgspec.structs.replace(PLAIN, context=ContextUse(), maps=maps)
    defined = (HASH, *OTHERS, OUTER)
    whole = BpfObject((program,), defined, btf=True, kernel_btf=True, license="GPL")
    known: dict[Question[Any], Answer] = {AskBpfObject(PATH): whole, AskIdentity(): ROOT}
    asked = TryContext(ProgramAttrs("lsm", target="lsm/bpf"), maps=(TryMap(1, 4, 8, 16),))
    if said is not None:
        known[asked] = said
    return one(run_check("object.context", FakeHost(known), project_of_object(PATH, whole)))


def test_the_maps_that_a_program_uses_are_tried_with_it_and_no_others() -> None:
    refused = Calls(WORKED, (Refused("map hash", "may not be used"),))
    for used in (("table",), ("table", "arena"), ("table", "outer")):
        assert with_maps(Calls(WORKED), *used).status is Status.PASS
        assert with_maps(refused, *used).status is Status.FAIL
    for untried in ("arena", "outer"):
        assert with_maps(None, untried).summary == "nothing of it can be followed"


@pytest.mark.parametrize(
    ("refused", "use", "advice"),
    [
        ((READ,), {}, "Write it for the parameters that there are here."),
        ((WORD,), {}, "Write it for the parameters that there are here."),
        ((ZERO,), {"returns": (0,), "returned": ()}, "Return another value."),
        ((READ, ZERO), {"returns": (0,), "returned": ()}, "Write it for the parameters"),
    ],
)
def test_a_constant_that_is_refused_is_not_put_down_to_parameters(
    refused: tuple[Refused, ...], use: dict[str, Any], advice: str
) -> None:
    asked, context = msgspec.structs.replace(ASKED, **use), msgspec.structs.replace(USE, **use)
    (fix,) = found_for(Calls(WORKED, refused), asked, context=context).fixes
    assert fix.text.startswith(advice)


def test_what_a_user_is_refused_or_may_never_be_reached_is_unknown() -> None:
    said = Calls(WORKED, (WORD,))
    assert found_for(said, identity=USER).status is Status.UNKNOWN
    assert found_for(said, conditional=True).status is Status.UNKNOWN
    assert found_for(NoAnswer("not-recorded")).status is Status.UNKNOWN


def test_where_no_program_like_it_loads_its_helpers_say_why() -> None:
    found = found_for(Calls(Attempt("EINVAL", "bpf(BPF_PROG_LOAD)")))
    assert found.blocked_by == ("object.helpers[ours]",)


def test_what_is_not_followed_or_not_tried_passes() -> None:
    assert found_for(context=ContextUse(others=True)).status is Status.PASS
    assert found_for(kind="struct_ops", type="struct_ops").status is Status.PASS
