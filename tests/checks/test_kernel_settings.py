"""The JIT, lockdown and the BTF of modules, each on prepared answers and on this machine."""

from __future__ import annotations

from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskHelper,
    AskIdentity,
    AskKernelOption,
    AskSecurityFile,
    Attempt,
    FileText,
    Finding,
    Identity,
    KernelOption,
    ListDirectory,
    Names,
    NoAnswer,
    Question,
    ReadFile,
    Run,
    Status,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/proc/config.gz"
ABSENT = NoAnswer("ENOENT")


def jit_found(sysctl: Answer, **options: str) -> Finding:
    answers: dict[Question[Any], Answer] = {
        ReadFile("/proc/sys/net/core/bpf_jit_enable"): sysctl,
    }
    for name in ("CONFIG_BPF_JIT", "CONFIG_BPF_JIT_ALWAYS_ON"):
        option = options.get(name)
        answers[AskKernelOption(name)] = KernelOption(option, PATH) if option else ABSENT
    return one(run_check("kernel.jit", FakeHost(answers)))


@pytest.mark.parametrize("value", ["1\n", "2\n"])
def test_the_jit_is_on(value: str) -> None:
    assert jit_found(FileText(value)).status is Status.PASS


def test_a_jit_that_is_off_says_how_to_switch_it() -> None:
    found = jit_found(FileText("0\n"))
    assert found.status is Status.WARN
    (fix,) = found.fixes
    assert isinstance(fix, Run)
    assert fix.argv == ("sysctl", "-w", "net.core.bpf_jit_enable=1")


def test_in_another_network_namespace_the_configuration_says() -> None:
    assert jit_found(ABSENT, CONFIG_BPF_JIT_ALWAYS_ON="y").status is Status.PASS
    assert jit_found(ABSENT, CONFIG_BPF_JIT="n").status is Status.WARN
    assert jit_found(ABSENT, CONFIG_BPF_JIT="y").status is Status.UNKNOWN
    assert jit_found(ABSENT).status is Status.UNKNOWN


LOCKDOWN = AskSecurityFile("lockdown")
ALL = (1 << 41) - 1
READS = AskHelper("tracepoint", "probe_read_kernel")
REFUSED = Attempt("EINVAL", "bpf(BPF_PROG_LOAD)")


@pytest.mark.parametrize(
    ("answer", "built", "status"),
    [
        (FileText("[none] integrity confidentiality\n"), ABSENT, Status.PASS),
        (FileText("none [integrity] confidentiality\n"), ABSENT, Status.PASS),
        (FileText("none integrity [confidentiality]\n"), ABSENT, Status.FAIL),
        (FileText("garbage"), ABSENT, Status.UNKNOWN),
        (ABSENT, ABSENT, Status.PASS),
        (NoAnswer("EACCES"), ABSENT, Status.UNKNOWN),
        (NoAnswer("EACCES"), KernelOption("n", PATH), Status.PASS),
        (NoAnswer("EACCES"), KernelOption("y", PATH), Status.UNKNOWN),
    ],
)
def test_lockdown_is_told_by_its_mode(answer: Answer, built: Answer, status: Status) -> None:
    option = AskKernelOption("CONFIG_SECURITY_LOCKDOWN_LSM")
    known = {LOCKDOWN: answer, option: built, READS: REFUSED, AskIdentity(): who(ALL)}
    found = one(run_check("kernel.lockdown", FakeHost(known)))
    assert found.status is status
    assert bool(found.fixes) is (status is not Status.PASS)


def who(capabilities: int) -> Identity:
    return Identity(0, capabilities, ALL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))


def test_who_may_load_nothing_learns_the_mode_with_the_privilege() -> None:
    known = {LOCKDOWN: NoAnswer("EPERM"), READS: Attempt("EPERM"), AskIdentity(): who(0)}
    found = one(run_check("kernel.lockdown", FakeHost(known, otherwise=ABSENT)))
    assert (found.status, found.blocked_by) == (Status.SKIP, ("runtime.privileges",))
    other = {**known, READS: REFUSED}  # an errno that says nothing of privilege blames nobody
    found = one(run_check("kernel.lockdown", FakeHost(other, otherwise=ABSENT)))
    assert found.status is Status.UNKNOWN


def test_where_the_mode_is_not_shown_a_program_that_may_read_proves_it() -> None:
    hidden = NoAnswer("EPERM")
    host = FakeHost({LOCKDOWN: hidden, READS: Attempt()}, otherwise=NoAnswer("EACCES"))
    assert one(run_check("kernel.lockdown", host)).status is Status.PASS


MODULES = FileText("tun 61440 0 - Live 0x0000000000000000\nlibcrc32c 16384 1 x, Live 0x0\n")


@pytest.mark.parametrize(
    ("loaded", "listed", "status"),
    [
        (MODULES, Names(("tun", "vmlinux")), Status.PASS),
        (MODULES, Names(("vmlinux",)), Status.WARN),
        (MODULES, NoAnswer("EACCES"), Status.UNKNOWN),
        (MODULES, ABSENT, None),
        (FileText(""), Names(("vmlinux",)), None),
        (ABSENT, Names(("vmlinux",)), None),
        (NoAnswer("not-recorded"), Names(("vmlinux",)), Status.UNKNOWN),
    ],
)
def test_modules_show_their_btf(loaded: Answer, listed: Answer, status: Status | None) -> None:
    host = FakeHost({ReadFile("/proc/modules"): loaded, ListDirectory("/sys/kernel/btf"): listed})
    found = run_check("kernel.module-btf", host)
    assert [finding.status for finding in found] == ([status] if status else [])


def test_no_missing_answer_passes_or_fails() -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    for name in ("jit", "lockdown", "module-btf"):
        found = one(run_check(f"kernel.{name}", host))
        assert found.status is Status.UNKNOWN
        assert found.fixes


@pytest.mark.bpf
def test_root_is_told_the_mode_without_securityfs_too(live: LiveHost, needs: Any) -> None:
    needs("root")
    found = one(run_check("kernel.lockdown", live))
    assert found.status in (Status.PASS, Status.FAIL)
