"""What is read off an object: by real compilers, and whatever the bytes are."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from elftools.elf.enums import ENUM_E_MACHINE
from hypothesis import given, strategies as st

from bpfdoctor.host.elf.object import (
    COMMON,
    AskExecutable,
    Executable,
    core_relocations,
    machine_name,
    object_facts,
)
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.judging.tools.clang import BPF_CODE


def compiled(tmp_path: Path, *flags: str) -> Path:
    (tmp_path / "probe.c").write_text(BPF_CODE)
    target = tmp_path / "probe.o"
    words = ["-O2", *flags, "-c", str(tmp_path / "probe.c"), "-o", str(target)]
    subprocess.run(["clang", *words], check=True)
    return target


@pytest.mark.parametrize("endian", ["little", "big"])
def test_a_core_relocation_is_counted_in_both_byte_orders(
    tmp_path: Path, needs: Callable[..., None], endian: str
) -> None:
    needs("clang")
    target = {"little": "bpfel", "big": "bpfeb"}[endian]
    facts = object_facts(compiled(tmp_path, "-g", "-target", target))
    assert facts is not None
    assert (facts.machine, facts.endian, facts.btf, facts.relocations) == (
        "EM_BPF",
        endian,
        True,
        1,
    )
    assert ".BTF.ext" in facts.sections


def test_without_debug_information_there_is_no_btf(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    facts = object_facts(compiled(tmp_path, "-target", "bpf"))
    assert facts is not None
    assert (facts.machine, facts.btf, facts.relocations) == ("EM_BPF", False, 0)


def test_what_is_not_elf_has_no_facts(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not an object")
    assert object_facts(tmp_path / "text") is None
    assert object_facts(tmp_path / "absent") is None


def ext(order: str, counts: tuple[int, ...], size: int = 16) -> bytes:
    part = struct.pack(order + "I", size)
    for count in counts:
        part += struct.pack(order + "II", 1, count) + bytes(count * size)
    header = struct.pack(order + "HBBIIIIIII", 0xEB9F, 1, 0, 32, 0, 0, 0, 0, 0, len(part))
    return header + part


@pytest.mark.parametrize("order", ["<", ">"])
def test_relocations_of_all_sections_count(order: Literal["<", ">"]) -> None:
    assert core_relocations(ext(order, (3, 0, 4)), order) == 7


def test_a_header_without_core_relo_has_none() -> None:
    """clang 8 and 9 write a header of 24 bytes."""
    short = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 0, 0, 0) + bytes(64)
    assert core_relocations(short, "<") == 0


@given(st.binary(max_size=200))
def test_any_bytes_give_a_number(data: bytes) -> None:
    whole = b"\x9f\xeb\x01\x00" + data
    assert core_relocations(whole, "<") >= 0


@given(st.integers(0, 60))
def test_a_section_that_is_cut_holds_no_relocations(length: int) -> None:
    assert core_relocations(ext("<", (3,))[:length], "<") == 0


def test_a_truncated_object_has_no_facts_or_fewer(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    assert shutil.which("clang")
    data = compiled(tmp_path, "-g", "-target", "bpf").read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "cut.o").write_bytes(data[:length])
        facts = object_facts(tmp_path / "cut.o")
        assert facts is None or facts.relocations == 0


def test_an_executable_is_known_by_its_header_alone(machine: Machine) -> None:
    answer = AskExecutable("/proc/self/exe").put(machine)
    assert isinstance(answer, Executable)
    assert answer.bits == (64 if sys.maxsize > 2**32 else 32)
    assert answer.endian == sys.byteorder
    assert answer.machine.startswith("EM_")


@pytest.mark.parametrize(
    "data",
    [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF" + b"\xff" * 60, b"\x7fELF\x02\x01" + b"\1" * 60],
)
def test_what_is_no_executable_is_said_to_be_none(
    machine: Machine, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "tool").write_bytes(data)
    answer = AskExecutable(str(tmp_path / "tool")).put(machine)
    assert answer == NoAnswer("refused", "not an ELF executable")


def test_a_pipe_is_not_waited_for(machine: Machine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tool")
    answer = AskExecutable(str(tmp_path / "tool")).put(machine)
    assert answer == NoAnswer("refused", "not a regular file")


@pytest.mark.parametrize("number", [*COMMON, 258])
def test_a_machine_is_called_what_elf_h_calls_it(number: int) -> None:
    assert ENUM_E_MACHINE[machine_name(number)] == number
