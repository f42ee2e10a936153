"""sysfs, tracefs and bpffs: told by their superblocks, never by a directory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskFileSystem,
    AskIdentity,
    AskTracefs,
    ByHand,
    FileSystem,
    Finding,
    Identity,
    NoAnswer,
    Question,
    Run,
    Stage,
    Status,
    Tracefs,
    TracePlace,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, project_named, run_check

OLD = "runtime.tracefs-debugfs"
OWN, DEBUG = "/sys/kernel/tracing", "/sys/kernel/debug/tracing"
SYSFS, TRACEFS = 0x62656572, 0x74726163
ROOT = Identity(0, (1 << 41) - 1, (1 << 41) - 1, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, (1 << 41) - 1, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
IN_USER_NAMESPACE = Identity(0, (1 << 41) - 1, 0, 0, 4026532300, 0xEFFFFFFC, (-1, -1))
IN_DOCKER = Identity(0, 0xA80425FB, 0xA80425FB, 2, 0xEFFFFFFD, 4026532400, (-1, -1))


def tracefs_found(*places: TracePlace, mounts: tuple[str, ...] = (), who: Answer = ROOT) -> Finding:
    answers: dict[Question[Any], Answer] = {
        AskTracefs(): Tracefs(places, mounts),
        AskIdentity(): who,
    }
    return one(run_check("runtime.tracefs", FakeHost(answers)))


def old_place_found(debug: TracePlace, who: Identity = ROOT) -> Finding:
    answers: dict[Question[Any], Answer] = {
        AskTracefs(old=True): Tracefs((TracePlace(OWN, TRACEFS), debug), ()),
        AskIdentity(): who,
    }
    return one(run_check(OLD, FakeHost(answers), project_named("libbpf-bootstrap-2020")))


def test_the_old_place_of_tracefs_is_judged_for_itself() -> None:
    assert old_place_found(TracePlace(DEBUG, TRACEFS)).status is Status.PASS
    hidden = TracePlace(DEBUG, 0, refused="EACCES")
    assert old_place_found(hidden, USER).status is Status.UNKNOWN
    closed = TracePlace(DEBUG, TRACEFS, events="EACCES")
    assert old_place_found(closed, USER).status is Status.UNKNOWN
    gone = (TracePlace(DEBUG, 0, refused=reason) for reason in ("ENOENT", "ENOTDIR"))
    for missing in (*gone, TracePlace(DEBUG, SYSFS)):
        found = old_place_found(missing)
        assert found.status is Status.FAIL
        assert found.fixes[0].argv == (  # type: ignore[union-attr]
            "mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug",
        )  # fmt: skip


def test_only_programs_of_an_old_libbpf_need_the_old_place() -> None:
    old, new = project_named("libbpf-bootstrap-2020"), project_named()
    needing = [p for p in old.programs if OLD in old.needs(p, Stage.ATTACH)]
    assert needing == ["minimal", "bootstrap"]
    assert not any(OLD in new.needs(p, Stage.ATTACH) for p in new.programs)


NOWHERE = (TracePlace(OWN, SYSFS), TracePlace(DEBUG, 0, refused="ENOENT"))


def test_tracefs_at_its_own_place_passes() -> None:
    found = tracefs_found(TracePlace(OWN, TRACEFS), TracePlace(DEBUG, 0, refused="ENOENT"))
    assert found.status is Status.PASS
    assert OWN in found.summary


def test_tracefs_in_debugfs_alone_passes() -> None:
    found = tracefs_found(TracePlace(OWN, SYSFS), TracePlace(DEBUG, TRACEFS))
    assert found.status is Status.PASS
    assert DEBUG in found.summary


def test_an_existing_directory_is_no_tracefs() -> None:
    found = tracefs_found(*NOWHERE)
    assert found.status is Status.FAIL
    (fix,) = found.fixes
    assert isinstance(fix, Run)
    assert fix.argv == ("mount", "-t", "tracefs", "tracefs", OWN)
    assert fix.privileged
    assert fix.undo == ("umount", OWN)


def test_an_ordinary_user_sees_that_nothing_is_mounted() -> None:
    places = (TracePlace(OWN, SYSFS), TracePlace(DEBUG, 0, refused="EACCES"))
    assert tracefs_found(*places, who=USER).status is Status.FAIL


def test_debugfs_that_a_user_may_not_enter_is_unknown() -> None:
    places = (TracePlace(OWN, SYSFS), TracePlace(DEBUG, 0, refused="EACCES"))
    found = tracefs_found(*places, mounts=("debugfs on /sys/kernel/debug",), who=USER)
    assert found.status is Status.UNKNOWN
    assert found.fixes


@pytest.mark.parametrize("reason", ["ENOENT", "ENOTDIR"])
def test_a_place_that_is_not_there_hides_no_tracefs(reason: str) -> None:
    places = (TracePlace(OWN, SYSFS), TracePlace(DEBUG, 0, refused=reason))
    found = tracefs_found(*places, mounts=("debugfs on /elsewhere",))
    assert found.status is Status.FAIL


def test_a_record_that_has_nothing_of_the_old_place_is_no_verdict_on_it() -> None:
    only = Tracefs((TracePlace(OWN, TRACEFS),), ())
    answers: dict[Question[Any], Answer] = {AskTracefs(old=True): only}
    found = one(run_check(OLD, FakeHost(answers), project_named("libbpf-bootstrap-2020")))
    assert found.status is Status.UNKNOWN


def test_tracefs_that_a_user_may_not_read_is_unknown() -> None:
    found = tracefs_found(TracePlace(OWN, TRACEFS, events="EACCES"), who=USER)
    assert found.status is Status.UNKNOWN
    assert "EACCES" in found.summary
    assert f"cat {OWN}/events/sched/" in found.fixes[0].text


def test_root_that_is_refused_fails() -> None:
    found = tracefs_found(TracePlace(OWN, TRACEFS, events="EPERM"), who=ROOT)
    assert found.status is Status.FAIL


def test_root_of_a_user_namespace_is_left_to_the_privileges() -> None:
    found = tracefs_found(TracePlace(OWN, TRACEFS, events="EACCES"), who=IN_USER_NAMESPACE)
    assert found.status is Status.SKIP
    assert found.blocked_by == ("runtime.privileges",)


@pytest.mark.parametrize("who", [IN_USER_NAMESPACE, IN_DOCKER])
def test_where_it_cannot_be_mounted_the_host_is_named(who: Identity) -> None:
    (fix,) = tracefs_found(*NOWHERE, who=who).fixes
    assert isinstance(fix, ByHand)
    assert f"-v {OWN}:{OWN}" in fix.text


@pytest.mark.parametrize("who", [USER, ROOT, NoAnswer("not-recorded")])
def test_only_root_that_may_not_mount_is_sent_to_the_host(who: Answer) -> None:
    (fix,) = tracefs_found(*NOWHERE, who=who).fixes
    assert isinstance(fix, Run)


def test_a_kernel_without_tracing_is_named() -> None:
    found = tracefs_found(
        TracePlace(OWN, 0, refused="ENOENT"), TracePlace(DEBUG, 0, refused="ENOENT")
    )
    assert found.status is Status.FAIL
    assert "no tracing" in found.summary


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (FileSystem(SYSFS), Status.PASS),
        (FileSystem(0xEF53), Status.FAIL),
        (NoAnswer("ENOENT"), Status.FAIL),
        (NoAnswer("not-recorded"), Status.UNKNOWN),
    ],
)
def test_sysfs_is_told_by_its_superblock(answer: Answer, status: Status) -> None:
    found = one(run_check("runtime.sysfs", FakeHost({AskFileSystem("/sys"): answer})))
    assert found.status is status
    assert bool(found.fixes) is (status is not Status.PASS)


def bpffs_found(answer: Answer, who: Identity = ROOT) -> Finding:
    host = FakeHost({AskFileSystem("/sys/fs/bpf"): answer, AskIdentity(): who})
    return one(run_check("runtime.bpffs", host))


def test_bpffs_passes_where_it_is_mounted() -> None:
    assert bpffs_found(FileSystem(0xCAFE4A11)).status is Status.PASS


def test_bpffs_that_is_not_mounted_fails_with_the_mount() -> None:
    found = bpffs_found(FileSystem(SYSFS))
    assert found.status is Status.FAIL
    (fix,) = found.fixes
    assert isinstance(fix, Run)
    assert fix.argv == ("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
    assert isinstance(bpffs_found(FileSystem(SYSFS), IN_DOCKER).fixes[0], ByHand)


def test_a_kernel_without_bpffs_is_named() -> None:
    assert "CONFIG_BPF_SYSCALL" in bpffs_found(NoAnswer("ENOENT")).fixes[0].text


def test_no_missing_answer_passes_or_fails() -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    for check in ("runtime.sysfs", "runtime.tracefs", "runtime.bpffs"):
        found = one(run_check(check, host))
        assert found.status is Status.UNKNOWN
        assert found.fixes


def test_this_machine_has_sysfs(live: LiveHost) -> None:
    assert one(run_check("runtime.sysfs", live)).status is Status.PASS


JUDGE = """
import json
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.testing import run_check
host = LiveHost(Machine())
checks = ("runtime.sysfs", "runtime.tracefs", "runtime.bpffs")
print(json.dumps({c: run_check(c, host)[0].status.value for c in checks}))
"""


def judged_in(script: str, *flags: str) -> dict[str, str]:
    """The verdicts in namespaces of their own, after `script` changed them."""
    argv = ["unshare", *flags, "sh", "-ec", f'{script}\nexec "$0" -c "$1"', sys.executable, JUDGE]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, str] = json.loads(ended.stdout)
    return found


UNMOUNT = "for at in tracing debug; do while umount /sys/kernel/$at 2>&-; do :; done; done"


@pytest.mark.bpf
def test_tracefs_is_seen_to_come_and_go(needs: Callable[..., None]) -> None:
    needs("root", "unshare")
    assert judged_in(UNMOUNT, "-m")["runtime.tracefs"] == "fail"
    mount = f"{UNMOUNT}; mount -t tracefs tracefs /sys/kernel/tracing"
    assert judged_in(mount, "-m")["runtime.tracefs"] == "pass"


@pytest.mark.bpf
def test_bpffs_is_seen_to_come(needs: Callable[..., None]) -> None:
    needs("root", "unshare")
    mount = "mount -t bpf bpf /sys/fs/bpf"
    assert judged_in(mount, "-m")["runtime.bpffs"] == "pass"
    assert judged_in("mount -t tmpfs none /sys/fs/bpf", "-m")["runtime.bpffs"] == "fail"


@pytest.mark.bpf
def test_another_file_system_at_sys_is_seen(needs: Callable[..., None]) -> None:
    needs("root", "unshare")
    assert judged_in("mount -t tmpfs none /sys", "-m")["runtime.sysfs"] == "fail"
