"""Whether another machine's executables run here is tried, not read off a list."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Literal

import pytest

from bpfdoctor.host.elf.object import AskExecutable, Executable
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.emulated import Accepts, TryExecutable, executable

OWN = AskExecutable("/proc/self/exe")


def own(live: LiveHost) -> Executable:
    answer = live.ask(OWN)
    assert isinstance(answer, Executable)
    return answer


def test_our_own_machines_executable_is_started(live: LiveHost) -> None:
    ours = own(live)
    assert live.ask(TryExecutable(ours.machine, ours.bits, ours.endian)) == Accepts(True)


@pytest.mark.parametrize("name", ["EM_S390", "EM_PPC64", "EM_SPARCV9"])
def test_a_strangers_is_started_only_by_an_emulator(live: LiveHost, name: str) -> None:
    answer = live.ask(TryExecutable(name, 64, "big"))
    place = Path("/proc/sys/fs/binfmt_misc")
    emulated = place.is_dir() and any("qemu" in each for each in os.listdir(place))
    assert isinstance(answer, Accepts)
    assert answer.accepted is emulated or platform.machine() in ("s390x", "ppc64")


def test_a_machine_that_nobody_knows_is_not_tried(live: LiveHost) -> None:
    answer = live.ask(TryExecutable("machine 4711", 64, "little"))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "refused"


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("endian", ["little", "big"])
def test_what_is_started_is_read_back_as_what_it_is_for(
    live: LiveHost, tmp_path: Path, bits: int, endian: Literal["little", "big"]
) -> None:
    file = tmp_path / "made"
    file.write_bytes(executable(183, bits, endian))
    assert live.ask(AskExecutable(str(file))) == Executable("EM_AARCH64", bits, endian)
