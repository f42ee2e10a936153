"""Questions about the system, held against what the system says elsewhere."""

from __future__ import annotations

import glob
import os
import platform
import resource
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bpfdoctor.host.catalog import to_answer
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system import facts
from bpfdoctor.host.system.facts import (
    AskDistribution,
    AskIdentity,
    AskKernel,
    AskSpace,
    Distribution,
    Identity,
    Kernel,
    Space,
    distribution_of,
)


def ask(question: Question[Answer]) -> Answer:
    return question.put(Machine())


def test_the_kernel_is_what_uname_says() -> None:
    kernel = ask(AskKernel())
    assert isinstance(kernel, Kernel)
    said = subprocess.run(["uname", "-srvm"], capture_output=True, text=True, check=True)
    assert kernel.shown() == said.stdout.strip()
    assert kernel.architecture == platform.machine()


def test_the_distribution_is_what_os_release_says() -> None:
    distribution = ask(AskDistribution())
    assert isinstance(distribution, Distribution)
    lines = Path("/etc/os-release").read_text().splitlines()
    said = dict(line.split("=", 1) for line in lines if "=" in line)
    assert distribution.id == said["ID"].strip('"')
    assert distribution.version == said.get("VERSION_ID", '""').strip('"')
    assert distribution.name in distribution.shown()


@pytest.mark.parametrize(
    ("name", "version", "text"),
    [
        ("ol", "9.4", 'NAME="Oracle Linux Server"\nID="ol"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n'),
        ("openEuler", "24.03", 'NAME="openEuler"\nVERSION_ID="24.03"\nID="openEuler"\n'),
        (
            "opensuse-leap",
            "15.6",
            'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n',
        ),
        ("rhel", "8.10", 'NAME="Red Hat Enterprise Linux"\nID="rhel"\nVERSION_ID="8.10"\n'),
    ],
)
def test_the_id_is_the_files_own(name: str, version: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text(text)
    found = distribution_of(str(tmp_path / "os-release"))
    assert found is not None
    assert (found.id, found.version) == (name, version)


def test_a_distribution_is_remembered_while_its_files_are_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "os-release"
    place.write_text('ID=one\nNAME="One"\n')
    (tmp_path / "cache").mkdir()
    machine = Machine(environ={}, cache=tmp_path / "cache")
    monkeypatch.setattr("bpfdoctor.host.cache._CLOCK_STEP", 0)
    monkeypatch.setattr(facts, "_described_in", lambda: [str(place)])
    monkeypatch.setattr(facts, "distribution_of", partial(distribution_of, str(place)))
    first = AskDistribution().put(machine)
    monkeypatch.setattr(facts, "distribution_of", lambda: None)
    assert AskDistribution().put(machine) == first
    place.write_text("ID=another\n")
    assert isinstance(AskDistribution().put(machine), NoAnswer)
    machine.close()


def test_where_the_library_reads_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"/etc/os-release", "/usr/lib/os-release", "/etc"} <= {*facts._described_in()}
    assert len({*facts._described_in()} & {*glob.glob("/etc/*_version")}) == len(
        glob.glob("/etc/*_version")
    )
    monkeypatch.setenv("UNIXCONFDIR", "/elsewhere")
    assert not facts._described_in(), "then nothing is remembered"


def test_the_identity_is_this_process() -> None:
    identity = ask(AskIdentity())
    assert isinstance(identity, Identity)
    status = Path("/proc/self/status").read_text()
    assert identity.euid == os.geteuid()
    assert f"CapEff:\t{identity.capabilities:016x}\n" in status
    assert f"CapBnd:\t{identity.bounding:016x}\n" in status
    assert identity.pid_namespace == Path("/proc/self/ns/pid").stat().st_ino
    assert identity.memlock == resource.getrlimit(resource.RLIMIT_MEMLOCK)
    assert f"euid {os.geteuid()}, CapEff" in identity.shown()


def test_room_is_that_of_the_nearest_directory(tmp_path: Path) -> None:
    space = ask(AskSpace(str(tmp_path / "not" / "yet")))
    assert isinstance(space, Space)
    assert 0 < space.free <= space.total
    assert not isinstance(ask(AskSpace("")), NoAnswer)
    assert isinstance(ask(AskSpace("/nul\0")), NoAnswer)


def test_room_is_what_statvfs_says_inodes_too(tmp_path: Path) -> None:
    space, facts = ask(AskSpace(str(tmp_path))), os.statvfs(tmp_path)
    assert isinstance(space, Space)
    assert (space.total, space.inodes) == (facts.f_blocks * facts.f_frsize, facts.f_files)
    assert space.device == tmp_path.stat().st_dev
    assert (" inodes free" in space.shown()) is (space.inodes > 0)
    assert "inodes" not in Space(2, 1).shown()


def test_an_answer_that_was_recorded_without_inodes_is_read() -> None:
    old = {"answer": "Space", "total": 2, "free": 1}
    assert to_answer(AskSpace("/"), old) == Space(2, 1, 0, 0, 0)


def test_room_behind_a_directory_that_may_not_be_entered_is_that_above_it(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")  # to be somebody else for once
    (tmp_path / "home").mkdir(mode=0o700)
    os.seteuid(65534)
    try:
        space = ask(AskSpace(str(tmp_path / "home/.cache/bpfdoctor")))
    finally:
        os.seteuid(0)
    assert isinstance(space, Space)
