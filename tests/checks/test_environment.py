"""Containers, seccomp and SELinux: named where something bears them out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from loud import missing

from bpfdoctor.api import (
    Answer,
    AskBpf,
    AskContainer,
    AskFileSystem,
    AskIdentity,
    AskKernel,
    Attempt,
    FileSystem,
    FileText,
    Finding,
    Identity,
    Kernel,
    Marks,
    NoAnswer,
    Question,
    ReadFile,
    Status,
)
from bpfdoctor.testing import FakeHost, one, run_check

HOME, AWAY = 0xEFFFFFFD, 4026532300
FIRST, LATER = 0xEFFFFFFC, 4026532400


def shut_into(
    *files: str,
    user: int = HOME,
    pid: int = LATER,
    root: str = "overlay",
    chroot: bool | None = False,
    release: str = "6.1.0",
    version: str = "#1 SMP",
    texts: dict[str, str] | None = None,
    variables: dict[str, str] | None = None,
) -> Finding:
    marks = Marks(
        {**dict.fromkeys(files, ""), **(texts or {})}, variables or {}, chroot, root, "sh"
    )
    answers: dict[Question[Any], Answer] = {
        AskContainer(): marks,
        AskIdentity(): Identity(0, 0, 0, 0, user, pid, (-1, -1)),
        AskKernel(): Kernel(release, version, "x86_64"),
    }
    return one(run_check("runtime.container", FakeHost(answers)))


NSPAWN = {"/run/systemd/container": "systemd-nspawn"}


@pytest.mark.parametrize(
    ("inside", "name", "advice"),
    [
        (partial(shut_into, "/.dockerenv"), "Docker", "--cap-add BPF"),
        (partial(shut_into, "/.dockerenv", pid=FIRST), "Docker", "--privileged"),
        (partial(shut_into, "/run/.containerenv"), "Podman", "--cap-add BPF"),
        (partial(shut_into, "/run/.containerenv", user=AWAY), "rootless Podman", "sudo podman"),
        (
            partial(shut_into, "/var/run/secrets/kubernetes.io/serviceaccount"),
            "Kubernetes",
            "securityContext.privileged",
        ),
        (
            partial(shut_into, variables={"container": "lxc"}, root="ext4"),
            "LXC",
            "host's to change",
        ),
        (partial(shut_into, texts=NSPAWN, root="ext4"), "systemd-nspawn", "host's to change"),
        (
            partial(
                shut_into, pid=LATER, root="ext4", release="5.15.167.4-microsoft-standard-WSL2"
            ),
            "WSL2",
            "wsl --update",
        ),
        (partial(shut_into, pid=FIRST, root="", chroot=True), "chroot", "Mount /sys"),
        (partial(shut_into, user=AWAY, pid=FIRST, root="ext4"), "a user namespace", "with sudo"),
        (partial(shut_into, root="ext4"), "a PID namespace", "--pid=host"),
        (
            partial(shut_into, release="4.4.0", version="#1 SMP Sun Jan 10 15:06:54 PST 2016"),
            "gVisor",
            "without bpf(2)",
        ),
        (partial(shut_into, release="4.19.0-gvisor", version="#1"), "gVisor", "without bpf(2)"),
        (
            partial(shut_into, release="9.9.9", version="#1 SMP Sun Jan 10 15:06:54 PST 2016"),
            "gVisor",
            "without bpf(2)",
        ),
    ],
)
def test_each_is_named_with_what_is_the_hosts_to_change(
    inside: Callable[[], Finding], name: str, advice: str
) -> None:
    found = inside()
    assert (found.status, found.summary) == (Status.WARN, name)
    assert advice in found.fixes[0].text


def test_a_mark_that_nothing_bears_out_is_stale() -> None:
    found = shut_into("/.dockerenv", pid=FIRST, root="ext4")
    assert found.status is Status.PASS
    assert "/.dockerenv is left" in found.summary


def test_a_user_namespace_alone_bears_no_mark_out() -> None:
    found = shut_into("/.dockerenv", user=AWAY, pid=FIRST, root="ext4")
    assert found.summary == "a user namespace"


@pytest.mark.parametrize("hidden", [{"pid": 0}, {"user": 0, "pid": FIRST}])
def test_namespaces_that_cannot_be_read_prove_nothing(hidden: dict[str, int]) -> None:
    assert shut_into(root="ext4", **hidden).status is Status.UNKNOWN  # type: ignore[arg-type]


def test_a_plain_machine_is_no_container() -> None:
    assert shut_into(pid=FIRST, root="ext4").status is Status.PASS


@pytest.mark.parametrize(
    ("mode", "bpf", "status", "summary"),
    [
        (0, Attempt("EPERM", "bpf"), Status.PASS, "no filter"),
        (2, Attempt("", "bpf"), Status.PASS, "a filter, which lets bpf(2) through"),
        (2, Attempt("E2BIG", "bpf"), Status.PASS, "a filter, which lets bpf(2) through"),
        (2, Attempt("EINVAL", "bpf"), Status.PASS, "a filter, which lets bpf(2) through"),
        (2, Attempt("EPERM", "bpf"), Status.WARN, "a filter, which may refuse bpf(2)"),
        (2, NoAnswer("refused"), Status.WARN, "a filter, which may refuse bpf(2)"),
        (None, Attempt(), Status.PASS, "this kernel has no seccomp"),
    ],
)
def test_a_filter_is_judged_by_what_it_lets_through(
    mode: int | None, bpf: Answer, status: Status, summary: str
) -> None:
    who = Identity(0, 0, 0, mode, HOME, FIRST, (-1, -1))
    found = one(run_check("runtime.seccomp", FakeHost({AskIdentity(): who, AskBpf(): bpf})))
    assert (found.status, found.summary) == (status, summary)


def test_without_a_word_on_this_process_a_filter_is_not_excluded() -> None:
    host = FakeHost({AskIdentity(): NoAnswer("ENOENT"), AskBpf(): Attempt()})
    assert one(run_check("runtime.seccomp", host)).status is Status.UNKNOWN


UNREAD = NoAnswer("EACCES")


def selinux_found(system: Answer, mode: Answer = UNREAD, label: Answer = UNREAD) -> Finding:
    answers: dict[Question[Any], Answer] = {
        AskFileSystem("/sys/fs/selinux"): system,
        ReadFile("/sys/fs/selinux/enforce"): mode,
        ReadFile("/proc/self/attr/current"): label,
    }
    return one(run_check("runtime.selinux", FakeHost(answers)))


SELINUX = FileSystem(0xF97CFF8C)


def test_a_machine_without_selinux_passes() -> None:
    assert selinux_found(NoAnswer("ENOENT")).status is Status.PASS
    assert selinux_found(FileSystem(0x62656572)).status is Status.PASS


@pytest.mark.parametrize(
    ("mode", "label", "status"),
    [
        ("1", "unconfined_u:unconfined_r:unconfined_t:s0\0", Status.PASS),
        ("1", "system_u:system_r:spc_t:s0\0", Status.PASS),
        ("1", "system_u:system_r:container_t:s0:c1,c2\0", Status.WARN),
        ("0", "system_u:system_r:container_t:s0:c1,c2\0", Status.PASS),
    ],
)
def test_an_enforcing_selinux_names_the_domain(mode: str, label: str, status: Status) -> None:
    found = selinux_found(SELINUX, FileText(mode), FileText(label))
    assert found.status is status
    assert label.strip("\0") in found.summary


def test_an_unreadable_selinux_is_unknown() -> None:
    assert selinux_found(SELINUX, FileText("")).status is Status.UNKNOWN
    assert selinux_found(SELINUX, NoAnswer("EACCES")).status is Status.UNKNOWN
    assert selinux_found(NoAnswer("EACCES")).status is Status.UNKNOWN


def test_no_missing_answer_passes_or_fails() -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    for name in ("container", "seccomp", "selinux"):
        found = one(run_check(f"runtime.{name}", host))
        assert found.status is Status.UNKNOWN
        assert found.fixes


JUDGE = """
import json
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.testing import run_check
found = run_check("runtime.container", LiveHost(Machine()))[0]
print(json.dumps([found.status.value, found.summary]))
"""


@pytest.mark.bpf
@pytest.mark.parametrize(
    ("flags", "name"), [(["-Ur"], "a user namespace"), (["-p", "--fork"], "a PID namespace")]
)
def test_real_namespaces_are_seen(flags: list[str], name: str, needs: Callable[..., None]) -> None:
    needs("root", "unshare")
    if any(Path(mark).exists() for mark in ("/run/.containerenv", "/run/systemd/container")):
        missing("a machine that is itself no container")
    argv = ["unshare", *flags, sys.executable, "-c", JUDGE]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    status, summary = json.loads(ended.stdout)
    assert status == "warn"
    assert summary == name or (name == "a PID namespace" and summary == "Docker")
