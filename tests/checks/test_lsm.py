"""LSM programs: attached, called, active."""

from __future__ import annotations

import pytest

from bpfdoctor.api import (
    ASK_AS_ROOT,
    Answer,
    AskIdentity,
    AskSecurityFile,
    AskTracer,
    Attempt,
    ByHand,
    FileText,
    Finding,
    FireLsm,
    Identity,
    LoadLsm,
    LsmFired,
    NoAnswer,
    Status,
    Tracer,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, run_check

FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
ACTIVE = FileText("lockdown,capability,landlock,bpf")
INACTIVE = FileText("lockdown,capability,yama,apparmor")


def judged(check: str, answer: Answer, active: Answer, who: Answer = ROOT) -> tuple[Finding, ...]:
    answers = {FireLsm(): answer, AskSecurityFile("lsm"): active, AskIdentity(): who}
    return run_check(check, FakeHost({**answers, AskTracer(): Tracer(on=True)}))


def stages(answer: Answer, active: Answer = ACTIVE, who: Answer = ROOT) -> dict[str, Finding]:
    return {each.about: each for each in judged("kernel.lsm", answer, active, who)}


def lsm(answer: Answer, active: Answer = ACTIVE, who: Answer = ROOT) -> Finding:
    """The finding that decides: on loading where that did not work, else on attaching."""
    found = stages(answer, active, who)
    return found["load"] if found["attach"].status is Status.SKIP else found["attach"]


def called(answer: Answer, active: Answer = ACTIVE) -> Finding:
    return one(judged("kernel.lsm-active", answer, active))


@pytest.mark.parametrize("active", [ACTIVE, INACTIVE, NoAnswer("EACCES")])
def test_a_call_that_was_counted_passes_whatever_a_list_says(active: Answer) -> None:
    assert lsm(LsmFired(Attempt(), 1), active).status is Status.PASS
    assert called(LsmFired(Attempt(), 1), active).status is Status.PASS


def test_a_program_that_is_never_called_attaches_all_the_same() -> None:
    assert lsm(LsmFired(Attempt(), 0), INACTIVE).status is Status.PASS
    found = called(LsmFired(Attempt(), 0), INACTIVE)
    assert found.status is Status.FAIL
    assert "never called" in found.summary
    assert "apparmor" in found.summary
    (fix,) = found.fixes
    assert isinstance(fix, ByHand)
    assert fix.boot_with == "lsm=lockdown,capability,yama,apparmor,bpf"
    assert called(LsmFired(Attempt(), 0), NoAnswer("EACCES")).status is Status.FAIL


@pytest.mark.parametrize("active", [ACTIVE, NoAnswer("EACCES"), FileText("a'; reboot '")])
def test_a_list_that_cannot_be_lengthened_is_left_to_the_reader(active: Answer) -> None:
    (fix,) = called(LsmFired(Attempt(), 0), active).fixes
    assert isinstance(fix, ByHand)
    assert fix.boot_with == ""


def test_what_was_not_attached_says_nothing_of_calls() -> None:
    assert called(NoAnswer("not-recorded")).status is Status.UNKNOWN
    assert called(LsmFired(Attempt("EPERM", "bpf"))).status is Status.UNKNOWN


@pytest.mark.parametrize("error", ["ENOENT", "EINVAL", "E2BIG", "ENOTSUPP"])
def test_a_kernel_that_cannot_fails_with_the_reason(error: str) -> None:
    found = lsm(LsmFired(Attempt(error, "bpf(BPF_PROG_LOAD)")), who=USER)
    assert found.status is Status.FAIL
    assert f"{error} (" in found.summary
    apart = stages(LsmFired(Attempt(error, "bpf(BPF_PROG_LOAD)")), who=USER)
    assert apart["load"] == found
    assert apart["attach"].blocked_by == ("kernel.lsm[load]",)


@pytest.mark.parametrize("error", ["ENOTSUPP", "EBUSY"])
def test_a_program_that_loads_and_does_not_attach_fails_there_alone(error: str) -> None:
    found = stages(LsmFired(Attempt(error, "bpf(BPF_RAW_TRACEPOINT_OPEN)")))
    assert found["load"].status is Status.PASS
    assert found["attach"].status is Status.FAIL
    assert f"{error} (" in found["attach"].summary


def test_root_refused_without_a_documented_reason_fails_with_the_errno() -> None:
    found = lsm(LsmFired(Attempt("EPERM", "bpf(BPF_PROG_LOAD)")))
    assert found.status is Status.FAIL
    assert found.summary == "an LSM program: bpf(BPF_PROG_LOAD): EPERM"
    assert found.fixes == ()


def test_an_ordinary_user_is_unknown() -> None:
    found = lsm(LsmFired(Attempt("EPERM", "bpf(BPF_MAP_CREATE)")), who=USER)
    assert found.status is Status.UNKNOWN
    assert found.fixes == (ASK_AS_ROOT,)


def test_without_an_answer_it_is_unknown() -> None:
    assert lsm(NoAnswer("not-recorded")).status is Status.UNKNOWN


@pytest.mark.bpf
def test_this_kernel_answers(kernel: None, live: LiveHost) -> None:
    load, attach = run_check("kernel.lsm", live)
    assert load.status in (Status.PASS, Status.FAIL)
    assert attach.status is not Status.UNKNOWN


OFF = Tracer(on=False, silent=("trampoline",), untried=("trampoline",))


def with_tracer_off(check: str, tracer: Tracer, fired: Answer, loaded: Attempt) -> list[Finding]:
    answers = {FireLsm(): fired, LoadLsm("bpf"): loaded, AskIdentity(): ROOT, AskTracer(): tracer}
    return list(run_check(check, FakeHost({**answers, AskSecurityFile("lsm"): ACTIVE})))


def test_while_the_tracer_is_off_an_lsm_program_is_loaded_alone() -> None:
    alone = NoAnswer("refused", "it is off")
    load, attach = with_tracer_off("kernel.lsm", OFF, alone, Attempt())
    assert (load.status, attach.status) == (Status.PASS, Status.PASS)
    refused = Attempt("EINVAL", "bpf(BPF_PROG_LOAD)")
    load, attach = with_tracer_off("kernel.lsm", OFF, alone, refused)
    assert (load.status, attach.blocked_by) == (Status.FAIL, ("kernel.lsm[load]",))


def test_an_lsm_program_that_the_tracer_silences_is_not_told_to_boot_with_bpf() -> None:
    for fired in (NoAnswer("refused", "it is off"), LsmFired(Attempt(), 0)):
        (found,) = with_tracer_off("kernel.lsm-active", OFF, fired, Attempt())
        assert found.blocked_by == ("kernel.function-tracer",)


def test_an_lsm_program_that_an_old_kernel_refuses_is_the_tracers_to_mend() -> None:
    busy = LsmFired(Attempt("EBUSY", "bpf(BPF_RAW_TRACEPOINT_OPEN)"))
    old = Tracer(on=False, silent=("trampoline",))
    load, attach = with_tracer_off("kernel.lsm", old, busy, Attempt())
    assert load.status is Status.PASS
    assert attach.blocked_by == ("kernel.function-tracer",)
