"""object.instructions: those that not every kernel knows are tried."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    Attempt,
    BpfObject,
    Calls,
    Finding,
    NoAnswer,
    ObjectProgram,
    Question,
    Refused,
    Status,
    TryInstructions,
)
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
FETCH = (0xDB, 0, 1)
PLAIN = ObjectProgram("ours", "xdp", "xdp", "xdp", newer=(FETCH,))
WORKED, REFUSED = Attempt(), (Refused("opcode 0xdb, number 0x1", "BPF_STX uses reserved fields"),)


def found_for(said: Answer | None = None, **changes: Any) -> Finding:
    whole = BpfObject((msgspec.structs.replace(PLAIN, **changes),), (), btf=True, kernel_btf=True)
    known: dict[Question[Any], Answer] = {AskBpfObject(PATH): whole}
    if said is not None:
        known[TryInstructions((FETCH,))] = said
    return one(run_check("object.instructions", FakeHost(known), project_of_object(PATH, whole)))


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (Calls(WORKED), Status.PASS),
        (Calls(WORKED, REFUSED), Status.FAIL),
        (Calls(Attempt("EPERM", "bpf(BPF_PROG_LOAD)")), Status.SKIP),
        (NoAnswer("not-recorded"), Status.UNKNOWN),
    ],
)
def test_the_kernel_is_asked_for_newer_ones(said: Answer, status: Status) -> None:
    found = found_for(said)
    assert (found.status, found.key) == (status, "object.instructions[ours]")


def test_what_may_never_be_reached_is_unknown() -> None:
    assert found_for(Calls(WORKED, REFUSED), conditional=True).status is Status.UNKNOWN
    assert found_for(Calls(WORKED), conditional=True).status is Status.PASS


def test_the_old_ones_are_not_tried() -> None:
    assert found_for(newer=()).status is Status.PASS
