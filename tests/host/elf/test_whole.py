"""Files that compilers, ar and bpftool wrote, whole and in every way cut."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.elf.whole import Wholeness, wholeness


@pytest.fixture
def compiled(tmp_path: Path, needs: Callable[..., None]) -> Path:
    """A directory with an object, a program and an archive of two objects."""
    needs("cc", "ar")
    (tmp_path / "a.c").write_text("int main(void)\n{\n\treturn 0;\n}\n")
    for argv in (
        ["cc", "-g", "-c", "a.c", "-o", "a.o"],
        ["cc", "a.o", "-o", "a"],
        ["cp", "a.o", "second_object_with_a_long_name.o"],
        ["ar", "rcs", "a.a", "a.o", "second_object_with_a_long_name.o"],
        ["ar", "rcsT", "thin.a", "a.o"],
    ):
        subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_every_cut_of_an_object_is_seen(compiled: Path) -> None:
    whole = wholeness(str(compiled / "a.o"), "object")
    assert whole.state == "whole"
    assert whole.machine.startswith("EM_")
    data = (compiled / "a.o").read_bytes()
    for size in range(0, len(data), 7):
        (compiled / "cut.o").write_bytes(data[:size])
        assert wholeness(str(compiled / "cut.o"), "object").state == ("cut" if size else "empty")


def test_an_executable_is_no_object_and_an_object_no_executable(compiled: Path) -> None:
    assert wholeness(str(compiled / "a"), "executable").state == "whole"
    assert wholeness(str(compiled / "a"), "object").state == "other"
    assert wholeness(str(compiled / "a.o"), "executable").state == "other"


def test_an_archive_is_walked_to_its_end(compiled: Path) -> None:
    machine = wholeness(str(compiled / "a.o"), "object").machine
    assert wholeness(str(compiled / "a.a"), "archive") == Wholeness("whole", machine)
    data = (compiled / "a.a").read_bytes()
    for size in (4, 30, 90, len(data) // 2, len(data) - 2):
        (compiled / "cut.a").write_bytes(data[:size])
        assert wholeness(str(compiled / "cut.a"), "archive").state == "cut"
    (compiled / "cut.a").write_bytes(b"!<arch>\n")
    assert wholeness(str(compiled / "cut.a"), "archive").state == "empty"
    assert wholeness(str(compiled / "a.o"), "archive").state == "other"
    assert wholeness(str(compiled / "thin.a"), "archive").state == "whole"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [32, 64])
def test_objects_of_any_width_and_order_are_read(tmp_path: Path, bits: int, order: str) -> None:
    word = "I" if bits == 32 else "Q"
    size = 52 if bits == 32 else 64
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    each = 40 if bits == 32 else 64
    head = struct.pack(f"{order}HHI3{word}IHHHHHH", 1, 8, 1, 0, 0, size, 0, size, 0, 0, each, 2, 0)
    section = struct.pack(f"{order}II4{word}II2{word}", 0, 1, 0, 0, size + 2 * each, 9, 0, 0, 1, 0)
    data = ident + head + bytes(each) + section + b"nine here"
    (tmp_path / "a.o").write_bytes(data)
    assert wholeness(str(tmp_path / "a.o"), "object") == Wholeness("whole", "EM_MIPS")
    (tmp_path / "a.o").write_bytes(data[:-1])  # its last section is cut, its table is not
    assert wholeness(str(tmp_path / "a.o"), "object").state == "cut"


@pytest.mark.parametrize(
    ("text", "state"),
    [("#ifndef A\n#define A\n#endif /* A */\n", "whole"), ("#ifndef A\n#define A\n#en", "cut")],
)
def test_a_skeleton_ends_with_its_guard(tmp_path: Path, text: str, state: str) -> None:
    (tmp_path / "a.skel.h").write_text(text)
    assert wholeness(str(tmp_path / "a.skel.h"), "skeleton").state == state


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.o")
    for name in ("fifo.o", "."):
        assert wholeness(str(tmp_path / name), "object").state == "other"
    assert wholeness(str(tmp_path / "absent.o"), "object").state == "unreadable"
