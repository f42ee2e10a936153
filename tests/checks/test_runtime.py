"""The PID namespace, room on disk, the cycle counter, the USDT probes of libc."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskEnvironment,
    AskIdentity,
    AskSpace,
    Attempt,
    BuildPlace,
    BuiltFile,
    Context,
    CountCycles,
    Finding,
    Identity,
    NoAnswer,
    Project,
    Question,
    Selection,
    Space,
    Status,
    Target,
    Variables,
    tools,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.tools.build_place import Room
from bpfdoctor.testing import FakeHost, one, project_named, run_check


@pytest.mark.parametrize(
    ("inode", "status"),
    [(0xEFFFFFFC, Status.PASS), (4026532400, Status.FAIL), (0, Status.UNKNOWN)],
)
def test_the_pid_namespace_is_told_by_its_inode(inode: int, status: Status) -> None:
    who = Identity(0, 0, 0, 0, 0xEFFFFFFD, inode, (-1, -1))
    found = one(run_check("runtime.pid-namespace", FakeHost({AskIdentity(): who})))
    assert found.status is status
    assert (str(inode) in found.summary) is (inode != 0)


ENVIRONMENT = AskEnvironment(("HOME", "TMPDIR", "XDG_CACHE_HOME"))


def disk_found(scratch: Answer, cache: Answer, **variables: str) -> Finding:
    answers: dict[Question[Any], Answer] = {
        ENVIRONMENT: Variables({"HOME": "~", **variables}),
        AskSpace(variables.get("TMPDIR", "/tmp")): scratch,
        AskSpace(variables.get("XDG_CACHE_HOME", "~/.cache")): cache,
    }
    return one(run_check("runtime.disk", FakeHost(answers)))


def space(builds: float) -> Space:
    """Room for so many builds of libbpf-bootstrap."""
    build = project_named().kind.build
    assert build
    return Space(10**12, int(builds * build.room))


@pytest.mark.parametrize(
    ("scratch", "cache", "status"),
    [
        (space(9), space(9), Status.PASS),
        (space(1.5), space(9), Status.WARN),
        (space(9), space(1.5), Status.WARN),
        (space(0.7), space(9), Status.UNKNOWN),
        (space(9), space(0.7), Status.UNKNOWN),
        (space(9), NoAnswer("EACCES"), Status.UNKNOWN),
    ],
)
def test_the_place_with_the_least_room_decides(
    scratch: Answer, cache: Answer, status: Status
) -> None:
    assert disk_found(scratch, cache).status is status


def inodes(free: int) -> Space:
    """Room for any build, and so many inodes."""
    return Space(10**12, 10**11, 10**6, free)


@pytest.mark.parametrize(
    ("scratch", "status", "says"),
    [
        (inodes(10**5), Status.PASS, "MB free at"),
        (inodes(600), Status.WARN, "600 inodes free at /tmp, and a build takes 400"),
        (inodes(0), Status.UNKNOWN, "0 inodes free at /tmp, and a build takes 400"),
        (Space(10**12, 10**11), Status.PASS, "MB free at"),  # no limit, or an older snapshot
    ],
)
def test_a_place_without_inodes_has_no_room(scratch: Space, status: Status, says: str) -> None:
    found = disk_found(scratch, space(9))
    assert found.status is status
    assert says in found.summary
    assert found.evidence


def own_place(device: int, free: int, built: bool) -> BuildPlace:
    """A makefile's directory on a file system, with or without all that a build makes."""
    program = BuiltFile("minimal", "executable", "whole", "", 1, 0, True, True)
    room = Room("", False, False, free, None, device)
    return BuildPlace(0, "", False, (), (room,), built=(program,) if built else ())


@pytest.mark.parametrize(
    ("there", "status"),
    [
        (own_place(5, 0, built=False), Status.SKIP),
        (own_place(6, 0, built=False), Status.UNKNOWN),  # another file system is full as well
        (own_place(5, 10**9, built=False), Status.UNKNOWN),  # what is built there takes no more
        (own_place(5, 0, built=True), Status.UNKNOWN),  # make has nothing to do there
        (NoAnswer("EACCES"), Status.UNKNOWN),
    ],
)
def test_what_the_checkouts_own_file_system_lacks_is_said_once(
    there: Answer, status: Status
) -> None:
    kind = project_named()
    project = Project(kind.kind, "/tree", ("minimal",))
    full = Space(10**12, 0, device=5)
    host = FakeHost({ENVIRONMENT: Variables({}), AskSpace("/tmp"): full}, NoAnswer("ENOENT"))
    selection = Selection((Target("minimal"),))
    context = Context(host, project, selection)
    build = project.kind.build
    assert build
    host.answers[tools.ask_own_place(context, build)] = there
    found = one(run_check("runtime.disk", host, project, selection))
    assert found.status is status
    assert found.blocked_by == (("checkout.build-directory",) if status is Status.SKIP else ())


def test_the_variable_to_set_is_named() -> None:
    found = disk_found(space(9), Space(10**12, 10**6), XDG_CACHE_HOME="/var/small")
    assert found.summary.startswith("1 MB free at /var/small, and a build takes ")
    assert "XDG_CACHE_HOME" in found.fixes[0].text


def test_a_project_without_a_build_asks_for_no_room() -> None:
    assert run_check("runtime.disk", FakeHost(), project_named("embedded")) == ()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Attempt(), Status.PASS),
        (Attempt("ENOENT", "perf_event_open"), Status.FAIL),
        (Attempt("ENODEV", "perf_event_open"), Status.FAIL),
        (Attempt("EOPNOTSUPP", "perf_event_open"), Status.FAIL),
        (Attempt("EACCES", "perf_event_open"), Status.UNKNOWN),
        (Attempt("EMFILE", "perf_event_open"), Status.UNKNOWN),
        (NoAnswer("refused"), Status.UNKNOWN),
    ],
)
def test_only_a_missing_counter_fails(answer: Answer, status: Status) -> None:
    found = one(run_check("runtime.perf-events", FakeHost({CountCycles(): answer})))
    assert found.status is status
    assert bool(found.fixes) is (status is not Status.PASS)


def test_no_missing_answer_passes_or_fails() -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    for name in ("pid-namespace", "disk", "perf-events"):
        found = one(run_check(f"runtime.{name}", host))
        assert found.status is Status.UNKNOWN
        assert found.fixes


def test_this_machine_has_room(live: LiveHost) -> None:
    assert one(run_check("runtime.disk", live)).status in (Status.PASS, Status.WARN)


@pytest.mark.bpf
def test_a_new_pid_namespace_is_seen(needs: Callable[..., None]) -> None:
    needs("root", "unshare")
    argv = ["unshare", "-p", "--fork", "--mount-proc", sys.executable, "-c", JUDGE]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.strip() == "fail", ended.stderr


JUDGE = """
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.tools.build_place import Room
from bpfdoctor.host.machine import Machine
from bpfdoctor.testing import run_check
print(run_check("runtime.pid-namespace", LiveHost(Machine()))[0].status.value)
"""
