"""One section of an ELF file: as pyelftools finds it; whatever the bytes are, an end with words."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, strategies as st

from bpfdoctor.host.elf.section import ElfError, find_section

PYTHON = Path(sys.executable).resolve()


def test_every_section_of_a_real_file_is_as_another_reader_finds_it() -> None:
    with PYTHON.open("rb") as file:
        names = [section.name for section in ELFFile(file).iter_sections() if section.name]
        for name in names:
            other, found = ELFFile(file).get_section_by_name(name), find_section(file, name)
            assert found is not None
            assert other is not None
            assert (found.offset, found.size) == (other["sh_offset"], other["sh_size"])
            assert found.flags == other["sh_flags"]
        assert names
        assert find_section(file, ".no-such-section") is None


def test_the_bytes_are_those_of_the_section(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("cc", "objcopy")
    source, image, payload = (tmp_path / name for name in ("t.c", "image", "payload"))
    source.write_text("static int room[64]; int main(void) { return room[0]; }")
    payload.write_bytes(b"the bytes")
    subprocess.run(["cc", source, "-o", image], check=True)
    subprocess.run(["objcopy", f"--add-section=.ours={payload}", image], check=True)
    with image.open("rb") as file:
        ours, room = find_section(file, ".ours"), find_section(file, ".bss")
        assert ours is not None
        assert ours.data(file) == b"the bytes"
        assert room is not None
        assert room.data(file) == b""


@pytest.mark.parametrize("size", [0, 15, 40, 63, 4096])
def test_a_file_that_is_cut_is_refused(size: int) -> None:
    with pytest.raises(ElfError), PYTHON.open("rb") as file:
        find_section(io.BytesIO(file.read(size)), ".text")


HEAD = b"\x7fELF\x02\x01\x01" + bytes(9)


@given(st.binary(max_size=300), st.integers(0, 64), st.integers(0, 255))
def test_whatever_the_bytes_are_nothing_else_is_raised(data: bytes, at: int, value: int) -> None:
    for start in (b"", HEAD, HEAD + bytes(24) + b"\x40" + bytes(17) + b"\x40\0\x02\0\x01\0"):
        whole = bytearray(start + data)
        if at < len(whole):
            whole[at] = value
        found = None
        with contextlib.suppress(ElfError):
            found = find_section(io.BytesIO(whole), ".text")
        assert found is None
