"""bpf(2), and the privilege to use it: every errno, every kind of asker."""

from __future__ import annotations

import os
from typing import Any

import pytest

from bpfdoctor.api import (
    ASK_AS_ROOT,
    Answer,
    AskBpf,
    AskIdentity,
    Attempt,
    FileText,
    Finding,
    Identity,
    LoadProgram,
    NoAnswer,
    OpenPerfEvent,
    Question,
    ReadFile,
    Run,
    Status,
)
from bpfdoctor.host.bpf.child import in_child
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.testing import FakeHost, one, run_check

FULL = (1 << 41) - 1
DOCKER = 0xA80425FB
BPF_AND_PERFMON = 1 << 39 | 1 << 38
HOME, AWAY = 0xEFFFFFFD, 4026532300
ROOT = Identity(0, FULL, FULL, 0, HOME, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, HOME, 0xEFFFFFFC, (65536, 65536))
FILTERED_USER = Identity(1000, 0, FULL, 2, HOME, 0xEFFFFFFC, (65536, 65536))
IN_USER_NAMESPACE = Identity(0, FULL, FULL, 0, AWAY, 0xEFFFFFFC, (-1, -1))
IN_DOCKER = Identity(0, DOCKER, DOCKER, 2, HOME, 4026532400, (-1, -1))
WITHOUT_CAPABILITIES = Identity(0, DOCKER, DOCKER, 0, HOME, 4026532400, (-1, -1))
CAPABLE_USER = Identity(1000, BPF_AND_PERFMON, FULL, 0, HOME, 0xEFFFFFFC, (65536, 65536))
SILENT = Identity(0, FULL, FULL, None, HOME, 0xEFFFFFFC, (-1, -1))
UNKNOWN_ASKER = NoAnswer("not-recorded")


def syscall(answer: Answer, who: Answer) -> Finding:
    return one(run_check("kernel.bpf-syscall", FakeHost({AskBpf(): answer, AskIdentity(): who})))


def refused(error: str, call: str = "bpf(BPF_PROG_LOAD)") -> Attempt:
    return Attempt(error, call)


@pytest.mark.parametrize("who", [ROOT, USER, FILTERED_USER, IN_USER_NAMESPACE, IN_DOCKER])
def test_an_answer_that_only_bpf_gives_passes_for_anyone(who: Identity) -> None:
    found = syscall(refused("E2BIG"), who)
    assert found.status is Status.PASS
    assert "E2BIG" in found.summary


@pytest.mark.parametrize("who", [ROOT, USER, SILENT, UNKNOWN_ASKER])
def test_enosys_is_a_kernel_without_it(who: Answer) -> None:
    found = syscall(refused("ENOSYS"), who)
    assert found.status is Status.FAIL
    assert "this kernel has none" in found.summary
    assert found.fixes


def test_enosys_under_a_filter_names_both() -> None:
    found = syscall(refused("ENOSYS"), IN_DOCKER)
    assert found.status is Status.FAIL
    assert "filter" in found.summary


@pytest.mark.parametrize("who", [ROOT, USER, IN_USER_NAMESPACE, SILENT])
def test_eperm_without_a_filter_is_the_calls_own_word(who: Identity) -> None:
    assert syscall(refused("EPERM"), who).status is Status.PASS


def test_eperm_for_root_under_a_filter_is_the_filter() -> None:
    found = syscall(refused("EPERM"), IN_DOCKER)
    assert found.status is Status.FAIL
    assert "seccomp" in found.summary
    assert "docker run --cap-add BPF" in getattr(found.fixes[0], "text", "")


@pytest.mark.parametrize("who", [FILTERED_USER, UNKNOWN_ASKER])
def test_eperm_that_a_filter_may_have_given_is_unknown(who: Answer) -> None:
    found = syscall(refused("EPERM"), who)
    assert found.status is Status.UNKNOWN
    assert found.fixes == (ASK_AS_ROOT,)


def test_without_an_answer_the_call_is_unknown() -> None:
    assert syscall(NoAnswer("refused", "no numbers for vax"), ROOT).status is Status.UNKNOWN


def privileges(
    load: Answer, who: Answer, event: Answer | None = None, paranoid: str = "2\n"
) -> dict[str, Finding]:
    answers: dict[Question[Any], Answer] = {
        LoadProgram("tracepoint"): load,
        AskIdentity(): who,
        ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled"): FileText("2\n"),
        ReadFile("/proc/sys/kernel/perf_event_paranoid"): FileText(paranoid),
    }
    if event is not None:
        answers[OpenPerfEvent()] = event
    found = {"load": one(run_check("runtime.privileges", FakeHost(answers)))}
    if event is not None:
        found["event"] = one(run_check("runtime.event-privileges", FakeHost(answers)))
    return found


def test_what_loads_and_opens_passes() -> None:
    found = privileges(Attempt(), ROOT, Attempt())
    assert {name: each.status for name, each in found.items()} == {
        "load": Status.PASS,
        "event": Status.PASS,
    }


@pytest.mark.parametrize("error", ["EPERM", "EACCES"])
def test_an_ordinary_user_is_unknown_with_the_command_that_finds_out(error: str) -> None:
    (found,) = privileges(refused(error), USER).values()
    assert found.status is Status.UNKNOWN
    assert found.fixes == (ASK_AS_ROOT,)
    assert "CAP_BPF" in found.summary
    assert "unprivileged_bpf_disabled 2" in found.summary


def test_root_of_a_user_namespace_fails_with_the_reason() -> None:
    (found,) = privileges(refused("EPERM"), IN_USER_NAMESPACE).values()
    assert found.status is Status.FAIL
    assert "user namespace" in found.summary
    assert str(AWAY) in found.summary


def test_root_without_the_capabilities_fails_and_they_are_named() -> None:
    (found,) = privileges(refused("EPERM"), WITHOUT_CAPABILITIES).values()
    assert found.status is Status.FAIL
    assert "CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN" in found.summary


def test_root_refused_in_spite_of_everything_fails_without_a_guess() -> None:
    (found,) = privileges(refused("EPERM"), ROOT).values()
    assert found.status is Status.FAIL
    assert "lockdown" in found.summary


def test_the_bounding_set_counts_for_nothing() -> None:
    bounded = Identity(0, 0, FULL, 0, HOME, 0xEFFFFFFC, (-1, -1))
    (found,) = privileges(refused("EPERM"), bounded).values()
    assert "without CAP_BPF" in found.summary


@pytest.mark.parametrize("error", ["EINVAL", "ENOTTY", "EHWPOISON", "ENOTSUPP", "errno 4000"])
@pytest.mark.parametrize("who", [ROOT, USER])
def test_a_lasting_refusal_of_another_kind_is_no_want_of_privilege(
    who: Identity, error: str
) -> None:
    found = privileges(refused(error), who, refused(error, "perf_event_open"))
    assert found["load"].status is Status.PASS
    assert error in found["load"].summary
    assert found["event"].status is Status.FAIL
    assert error in found["event"].summary


@pytest.mark.parametrize("error", ["ENOMEM", "EAGAIN", "EMFILE"])
def test_an_errno_of_this_moment_is_unknown(error: str) -> None:
    found = privileges(refused(error), ROOT, refused(error, "perf_event_open"))
    assert {each.status for each in found.values()} == {Status.UNKNOWN}


def test_an_event_may_be_busy_for_a_moment() -> None:
    found = privileges(Attempt(), ROOT, refused("EBUSY", "perf_event_open"))
    assert found["event"].status is Status.UNKNOWN


def test_nobody_is_blamed_when_the_asker_is_not_known() -> None:
    (found,) = privileges(refused("EPERM"), UNKNOWN_ASKER).values()
    assert found.status is Status.UNKNOWN
    (found,) = privileges(NoAnswer("not-recorded"), ROOT).values()
    assert found.status is Status.UNKNOWN


def test_a_capable_user_may_load_and_not_open_events_where_paranoid_is_3() -> None:
    event = refused("EACCES", "perf_event_open")
    found = privileges(Attempt(), CAPABLE_USER, event, "3\n")
    assert found["load"].status is Status.PASS
    assert found["event"].status is Status.UNKNOWN
    assert "perf_event_paranoid 3" in found["event"].summary


HALF_ROOT = Identity(0, BPF_AND_PERFMON, FULL, 0, HOME, 0xEFFFFFFC, (-1, -1))
WITHOUT_PERFMON = Identity(0, 1 << 39, FULL, 0, HOME, 0xEFFFFFFC, (-1, -1))
HALF_ROOT_AWAY = Identity(0, BPF_AND_PERFMON, FULL, 0, AWAY, 0xEFFFFFFC, (-1, -1))


def event_refused(who: Identity, paranoid: str) -> Finding:
    event = refused("EACCES", "perf_event_open")
    return privileges(Attempt(), who, event, paranoid)["event"]


def test_root_who_may_not_open_events_fails_for_the_capability_that_the_setting_asks_for() -> None:
    found = event_refused(HALF_ROOT, "3\n")
    assert found.status is Status.FAIL
    assert "as root without CAP_SYS_ADMIN (perf_event_paranoid 3)" in found.summary
    assert "lockdown" not in found.summary


@pytest.mark.parametrize("who", [HALF_ROOT, CAPABLE_USER])
@pytest.mark.parametrize("paranoid", ["3", "4"])
def test_the_setting_that_stands_in_the_way_is_offered(who: Identity, paranoid: str) -> None:
    fix = event_refused(who, f"{paranoid}\n").fixes[0]
    assert isinstance(fix, Run)
    assert fix.privileged
    assert fix.argv == ("sysctl", "-w", "kernel.perf_event_paranoid=2")
    assert fix.undo == ("sysctl", "-w", f"kernel.perf_event_paranoid={paranoid}")


@pytest.mark.parametrize(
    ("who", "paranoid"),
    [
        (HALF_ROOT, "2"),  # it stands in nobody's way there
        (HALF_ROOT, "garbage"),
        (HALF_ROOT, ""),
        (WITHOUT_PERFMON, "3"),  # it would still be refused
        (HALF_ROOT_AWAY, "3"),
        (USER, "3"),
        (ROOT, "3"),  # it has what is asked for above 2
    ],
)
def test_a_setting_that_would_not_help_is_not_offered(who: Identity, paranoid: str) -> None:
    found = event_refused(who, paranoid)
    assert not any(isinstance(fix, Run) and "sysctl" in fix.argv for fix in found.fixes)


def test_root_with_all_capabilities_is_refused_by_something_else() -> None:
    assert "security module or lockdown" in event_refused(ROOT, "3").summary
    assert "security module or lockdown" in event_refused(HALF_ROOT, "2").summary


def test_a_program_may_be_loaded_whatever_the_setting_of_events() -> None:
    found = privileges(refused("EPERM"), HALF_ROOT, paranoid="3\n")["load"]
    assert "security module or lockdown" in found.summary  # CAP_SYS_ADMIN is not asked for


@pytest.mark.bpf
def test_this_root_may_do_all_of_it(kernel: None, live: LiveHost) -> None:
    for check in ("kernel.bpf-syscall", "runtime.privileges", "runtime.event-privileges"):
        assert one(run_check(check, live)).status is Status.PASS


@pytest.mark.bpf
def test_nobody_on_this_machine_is_unknown_and_not_failed(kernel: None, machine: Machine) -> None:
    def load() -> Attempt:
        os.setresuid(65534, 65534, 65534)
        answer = LoadProgram("tracepoint").put(machine)
        assert isinstance(answer, Attempt)
        return answer

    answer = in_child(Attempt, load)
    assert answer == refused("EPERM")
    (found,) = privileges(answer, USER).values()
    assert found.status is Status.UNKNOWN
