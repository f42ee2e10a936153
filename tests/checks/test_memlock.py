"""RLIMIT_MEMLOCK: in the way, or not, and for whom."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    ASK_AS_ROOT,
    Answer,
    AskHelper,
    AskIdentity,
    AskKernel,
    Attempt,
    CreateMap,
    Finding,
    Identity,
    Kernel,
    NoAnswer,
    Project,
    Question,
    RaiseMemlock,
    Stage,
    Status,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.projects.judged import JudgedObject, Needs
from bpfdoctor.testing import FakeHost, one, project_named, run_check

FULL = (1 << 41) - 1
LIMITED = (8 << 20, 8 << 20)
ROOT = Identity(0, FULL & ~(1 << 24), FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, LIMITED)
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
UNLIMITED = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
MAY_NOT = Attempt("EPERM", "setrlimit(RLIMIT_MEMLOCK, RLIM_INFINITY)")
CHARGES = Attempt("EINVAL", "bpf(BPF_PROG_LOAD)", "invalid func unknown#160")
NO_ROOM = Attempt("EPERM", "bpf(BPF_MAP_CREATE)")
ASIDE = NoAnswer("not-recorded")


def memlock(  # noqa: PLR0917
    who: Answer,
    raising: Answer,
    accounting: Answer = ASIDE,
    release: str = "",
    room: Answer = ASIDE,
    check: str = "runtime.memlock",
) -> Finding:
    answers: dict[Question[Any], Answer] = {
        AskIdentity(): who,
        RaiseMemlock(): raising,
        AskHelper("socket_filter", "ktime_get_coarse_ns"): accounting,
        AskKernel(): Kernel(release, "#1", "x86_64") if release else ASIDE,
        CreateMap("array", 4, 1 << (15 if check == "runtime.memlock" else 20), 1): room,
    }
    return one(run_check(check, FakeHost(answers)))


def test_no_limit_passes() -> None:
    assert memlock(UNLIMITED, MAY_NOT).status is Status.PASS


def test_a_limit_that_may_be_raised_passes() -> None:
    assert memlock(ROOT, Attempt()).status is Status.PASS


def insisting(limit: str) -> Project:
    """A project one program of which raises the limit itself."""
    needs: Needs = {Stage.LOAD: (f"runtime.memlock-raised[{limit}]",)}
    return msgspec.structs.replace(
        project_named(), judged=(JudgedObject("minimal", "compiled", needs=needs),)
    )


def raised(limit: str, size: int, said: Answer, who: Answer = ROOT) -> Finding:
    answers: dict[Question[Any], Answer] = {RaiseMemlock(size): said, AskIdentity(): who}
    return one(run_check("runtime.memlock-raised", FakeHost(answers), insisting(limit)))


@pytest.mark.parametrize(
    ("limit", "size", "words"),
    [("infinity", -1, "infinity"), (str(128 << 20), 128 << 20, "131072 KiB")],
)
def test_what_programs_insist_on_decides_with_whoever_asks(
    limit: str, size: int, words: str
) -> None:
    assert raised(limit, size, Attempt()).status is Status.PASS
    found = raised(limit, size, MAY_NOT)
    assert (found.status, found.about) == (Status.FAIL, limit)
    assert words in found.summary
    assert "CAP_SYS_RESOURCE" in getattr(found.fixes[0], "text", "")
    for who, said in ((USER, MAY_NOT), (ASIDE, MAY_NOT), (ROOT, ASIDE)):
        found = raised(limit, size, said, who)
        assert (found.status, found.about, found.fixes) == (Status.UNKNOWN, limit, (ASK_AS_ROOT,))


def test_where_no_program_raises_it_there_is_nothing_to_find() -> None:
    assert run_check("runtime.memlock-raised", FakeHost({}), project_named()) == ()


def test_where_the_limit_is_not_charged_it_does_not_matter() -> None:
    assert memlock(ROOT, MAY_NOT, Attempt(), "4.18.0-el8").status is Status.PASS
    by_release = memlock(USER, MAY_NOT, Attempt("EPERM", "bpf(BPF_PROG_LOAD)"), "5.11.0")
    assert by_release.status is Status.PASS


def test_where_it_is_charged_the_room_decides() -> None:
    assert memlock(ROOT, MAY_NOT, CHARGES, "5.10.0", Attempt()).status is Status.PASS
    found = memlock(ROOT, MAY_NOT, CHARGES, "5.10.0", NO_ROOM)
    assert found.status is Status.FAIL
    assert "32 KiB" in found.summary
    assert memlock(USER, MAY_NOT, CHARGES, "5.10.0", NO_ROOM).status is Status.UNKNOWN


def test_a_limit_of_nothing_is_not_called_none() -> None:
    nothing = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (0, -1))
    found = memlock(nothing, MAY_NOT, CHARGES, "5.10.0", NO_ROOM)
    assert found.summary.startswith("soft limit 0 KiB, hard limit no limit")


def test_what_is_refused_for_want_of_memory_is_not_put_down_to_the_limit() -> None:
    short = Attempt("ENOMEM", "bpf(BPF_MAP_CREATE)")
    assert memlock(ROOT, MAY_NOT, CHARGES, "5.10.0", short).status is Status.UNKNOWN
    assert memlock(ROOT, MAY_NOT, CHARGES, "5.10.0", NO_ROOM).status is Status.FAIL


def test_large_maps_are_judged_apart_and_for_themselves() -> None:
    def room(said: Answer, who: Answer = ROOT) -> Finding:
        return memlock(who, MAY_NOT, CHARGES, "5.10.0", said, check="runtime.memlock-room")

    assert room(Attempt()).status is Status.PASS
    assert room(NO_ROOM).status is Status.FAIL
    assert "1024 KiB" in room(NO_ROOM).summary
    assert room(NO_ROOM, USER).status is Status.UNKNOWN
    assert memlock(ROOT, Attempt(), check="runtime.memlock-room").status is Status.PASS


def test_without_answers_nothing_is_claimed() -> None:
    assert memlock(ASIDE, ASIDE).status is Status.UNKNOWN
    assert memlock(ROOT, ASIDE).status is Status.UNKNOWN


@pytest.mark.bpf
def test_this_kernel_does_not_charge_it(kernel: None, live: LiveHost) -> None:
    assert one(run_check("runtime.memlock", live)).status is Status.PASS
