"""kernel.btf and kernel.config-btf: one fact, two witnesses, never two failures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskDistribution,
    AskFileSystem,
    AskKernel,
    AskKernelBtf,
    AskKernelOption,
    BtfFacts,
    Distribution,
    FileSystem,
    Finding,
    Kernel,
    KernelOption,
    ListDirectory,
    Names,
    NoAnswer,
    Question,
    Status,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, run_check

SOUND = BtfFacts(
    size=5_515_646,
    types=126_585,
    endianness="little",
    native=True,
    kernel=True,
    path="/sys/kernel/btf/vmlinux",
)
IMAGE = msgspec.structs.replace(SOUND, path="/boot/vmlinux-6.1.0-50-amd64")
ABSENT = NoAnswer("ENOENT", "No such file or directory")
OPTION = AskKernelOption("CONFIG_DEBUG_INFO_BTF")
ON = KernelOption("y", "/proc/config.gz", "6.1.140")
OFF = KernelOption("n", "/proc/config.gz", "6.1.140")
STALE = KernelOption("n", "/boot/config-6.1.0-50-amd64", "5.10.1")


def a_host(btf: Answer, option: Answer = ON, **more: Any) -> FakeHost:
    answers: dict[Question[Any], Answer] = {
        AskKernel(): Kernel(more.get("release", "6.1.0-50-amd64"), "#1", "x86_64"),
        AskDistribution(): more.get("distribution", Distribution("debian", (), "12", "", "Debian")),
        AskKernelBtf(): btf,
        OPTION: option,
        ListDirectory("/sys/kernel/btf"): more.get("directory", ABSENT),
        AskFileSystem("/sys/kernel/btf"): FileSystem(0x01021994),
    }
    return FakeHost(answers)


def btf_found(*args: Any, **more: Any) -> Finding:
    return one(run_check("kernel.btf", a_host(*args, **more)))


def config_found(*args: Any, **more: Any) -> Finding:
    return one(run_check("kernel.config-btf", a_host(*args, **more)))


def test_sound_btf_passes_with_its_size() -> None:
    found = btf_found(SOUND)
    assert found.status is Status.PASS
    assert found.summary == "126,585 types, 5,515,646 bytes, little endian"


def test_what_is_not_btf_fails_with_what_is_wrong() -> None:
    found = btf_found(BtfFacts(wrong="magic 0x0000 in place of 0xeb9f"))
    assert found.status is Status.FAIL
    assert "magic 0x0000" in found.summary


def test_btf_without_the_kernels_types_or_of_the_other_endianness_fails() -> None:
    for other in (
        BtfFacts(size=100, types=3, endianness="little", native=True, kernel=False),
        BtfFacts(size=100, types=3, endianness="big", native=False, kernel=True),
    ):
        assert btf_found(other).status is Status.FAIL


def test_no_btf_fails_and_names_the_distributions_kernel_and_the_option() -> None:
    found = btf_found(ABSENT, OFF)
    assert found.status is Status.FAIL
    assert "CONFIG_DEBUG_INFO_BTF=n in /proc/config.gz" in found.summary
    (fix,) = found.fixes
    assert "linux-image-amd64" in fix.text


def test_a_distribution_is_known_by_what_it_is_like() -> None:
    mint = Distribution("linuxmint", ("ubuntu", "debian"), "22", "", "Linux Mint")
    (fix,) = btf_found(ABSENT, OFF, distribution=mint).fixes
    assert "linux-image-generic" in fix.text


def test_wsl_is_told_to_update_its_kernel() -> None:
    (fix,) = btf_found(ABSENT, OFF, release="5.10.16.3-microsoft-standard-WSL2").fixes
    assert "wsl --update" in fix.text


def test_an_unknown_distribution_is_told_the_option() -> None:
    (fix,) = btf_found(ABSENT, OFF, distribution=ABSENT).fixes
    assert "CONFIG_DEBUG_INFO_BTF=y" in fix.text


def test_without_the_name_of_the_kernel_the_distributions_is_advised() -> None:
    answers: dict[Question[Any], Answer] = {
        AskDistribution(): Distribution("debian", (), "12", "", "Debian"),
        AskKernelBtf(): ABSENT,
        OPTION: OFF,
        ListDirectory("/sys/kernel/btf"): ABSENT,
    }
    host = FakeHost(answers, otherwise=NoAnswer("not-recorded"))
    (fix,) = one(run_check("kernel.btf", host)).fixes
    assert "linux-image-amd64" in fix.text


def test_a_directory_without_vmlinux_is_masked() -> None:
    found = btf_found(ABSENT, ON, directory=Names(()))
    assert found.status is Status.FAIL
    assert "mounted over it" in found.summary
    assert "0x1021994" in found.fixes[0].text


def test_an_image_with_btf_in_boot_is_enough_for_libbpf() -> None:
    found = btf_found(IMAGE, OFF)
    assert found.status is Status.WARN
    assert "/boot/vmlinux-6.1.0-50-amd64" in found.summary
    found = config_found(IMAGE, OFF)
    assert found.status is Status.PASS
    assert "the image /boot/vmlinux-6.1.0-50-amd64 has it" in found.summary


@pytest.mark.parametrize("reason", ["EACCES", "timed-out", "not-recorded", "broken"])
def test_btf_that_cannot_be_read_is_unknown(reason: str) -> None:
    found = btf_found(NoAnswer(reason))
    assert found.status is Status.UNKNOWN
    assert found.fixes


def test_both_witnesses_agree() -> None:
    found = config_found(SOUND, ON)
    assert (found.status, found.summary) == (
        Status.PASS,
        "CONFIG_DEBUG_INFO_BTF=y in /proc/config.gz",
    )


@pytest.mark.parametrize("reason", ["ENOENT", "EACCES", "not-recorded"])
def test_an_unreadable_configuration_passes_where_btf_is_proven(reason: str) -> None:
    found = config_found(SOUND, NoAnswer(reason))
    assert found.status is Status.PASS
    assert "/sys/kernel/btf/vmlinux proves it" in found.summary


def test_an_unreadable_configuration_without_btf_is_unknown() -> None:
    assert config_found(ABSENT, NoAnswer("EACCES")).status is Status.UNKNOWN


def test_off_with_btf_proven_is_a_contradiction() -> None:
    found = config_found(SOUND, STALE)
    assert found.status is Status.WARN
    assert "not the kernel that runs" in found.fixes[0].text
    unnamed = msgspec.structs.replace(STALE, version="")
    assert "of another build" in config_found(SOUND, unnamed).fixes[0].text
    assert "of another build" in config_found(SOUND, STALE, release="custom").fixes[0].text
    same = msgspec.structs.replace(STALE, version="6.1.0")
    assert "of another build" in config_found(SOUND, same).fixes[0].text


def test_on_without_btf_is_a_contradiction() -> None:
    found = config_found(ABSENT, ON)
    assert found.status is Status.WARN
    assert "hides part of /sys" in found.fixes[0].text


def test_off_without_btf_leaves_the_failure_to_the_btf() -> None:
    found = config_found(ABSENT, OFF)
    assert found.status is Status.SKIP
    assert found.blocked_by == ("kernel.btf",)


def test_no_missing_answer_passes_or_fails() -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    for check in ("kernel.btf", "kernel.config-btf"):
        assert one(run_check(check, host)).status is Status.UNKNOWN


def test_this_machines_btf_is_judged(live: LiveHost) -> None:
    if not Path("/sys/kernel/btf/vmlinux").exists():
        assert one(run_check("kernel.btf", live)).status is not Status.PASS
        return
    assert one(run_check("kernel.btf", live)).status is Status.PASS
    assert one(run_check("kernel.config-btf", live)).status in (Status.PASS, Status.WARN)


JUDGE = """
import json
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.testing import run_check
host = LiveHost(Machine())
found = {c: run_check(c, host)[0] for c in ("kernel.btf", "kernel.config-btf")}
print(json.dumps({c: [f.status.value, f.summary] for c, f in found.items()}))
"""


@pytest.mark.bpf
def test_a_tmpfs_over_sys_kernel_btf_is_called_masked(needs: Callable[..., None]) -> None:
    needs("root", "unshare")
    mask = 'mount -t tmpfs none /sys/kernel/btf && exec "$0" -c "$1"'
    argv = ["unshare", "-m", "sh", "-c", mask, sys.executable, JUDGE]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["kernel.btf"][0] == "fail"
    assert "mounted over it" in found["kernel.btf"][1]
    assert found["kernel.config-btf"][0] in ("warn", "unknown")
