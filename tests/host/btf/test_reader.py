"""BTF is read right, and whatever else is read is refused with a sentence."""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bounded import MOST_MEMORY, measured_btf
from depth import cases
from hypothesis import given, settings, strategies as st
from loud import missing

from bpfdoctor.host.btf import file as btf_file
from bpfdoctor.host.btf.file import open_btf
from bpfdoctor.host.btf.format import BtfError, BtfKind, Member
from bpfdoctor.host.btf.reader import Btf

STRINGS = b"\0int\0size\0pair\0left\0right\0do_work\0"


def at(name: str) -> int:
    """The offset of a string in STRINGS."""
    return STRINGS.index(b"\0" + name.encode() + b"\0") + 1


def a_type(name: str, kind: BtfKind, last: int, *more: int, count: int = 0) -> list[int]:
    """The words of one type."""
    return [at(name) if name else 0, kind << 24 | count, last, *more]


TYPES = (
    a_type("int", BtfKind.INT, 4, 32),
    a_type("size", BtfKind.TYPEDEF, 1),
    a_type("pair", BtfKind.STRUCT, 8, at("left"), 1, 0, at("right"), 2, 32, count=2),
    a_type("", BtfKind.PTR, 3),
    a_type("", BtfKind.FUNC_PROTO, 1, 0, 4, 0, 1, count=2),
    a_type("do_work", BtfKind.FUNC, 5),
)


def blob(types: tuple[list[int], ...] = TYPES, order: str = "<", strings: bytes = STRINGS) -> bytes:
    """BTF of these types."""
    words = [word for each in types for word in each]
    section = struct.pack(f"{order}{len(words)}I", *words)
    sizes = (24, 0, len(section), len(section), len(strings))
    return struct.pack(order + "HBBIIIII", 0xEB9F, 1, 0, *sizes) + section + strings


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_endianness_is_read(order: str) -> None:
    found = Btf(blob(order=order))
    assert found.header.endianness == ("little" if order == "<" else "big")
    assert len(found) == 6
    assert found.function("do_work") == 6
    assert found.parameters(6) == (4, 1)
    assert list(found.members(3)) == [Member("left", 1, 0, 0), Member("right", 2, 32, 0)]
    assert found.plain(2) == 1


def test_a_name_is_found_only_as_a_whole() -> None:
    found = Btf(blob())
    assert found.function("work") is None
    assert found.function("int") is None, "a type of that name is not a function"
    assert list(found.find("int", (BtfKind.INT,))) == [1]
    assert found.function("") is None


def test_a_name_that_ends_a_longer_one_is_found() -> None:
    types = ([STRINGS.index(b"do_work") + 3, BtfKind.INT << 24, 4, 32],)
    assert list(Btf(blob(types)).find("work", (BtfKind.INT,))) == [1]


def test_a_cycle_of_typedefs_ends_in_void() -> None:
    loop = (a_type("int", BtfKind.TYPEDEF, 2), a_type("size", BtfKind.CONST, 1))
    assert Btf(blob(loop)).plain(1) == 0


def test_ids_out_of_range_are_void() -> None:
    found = Btf(blob((a_type("int", BtfKind.TYPEDEF, 0xFFFFFFFF),)))
    assert found.plain(1) == 0xFFFFFFFF
    assert found.kind(0xFFFFFFFF) is BtfKind.VOID
    assert found.name(0xFFFFFFFF) == ""
    assert list(found.members(7)) == []
    assert found.parameters(9) == ()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "0 bytes are too few"),
        (b"\x7fELF" + bytes(60), "magic 0x457f"),
        (bytes(64), "magic 0x0000"),
        (blob()[:60], "the type section ends beyond the file"),
        (blob()[:-1], "the string section ends beyond the file"),
        (blob(()), "0 types"),
        (blob(strings=b""), "the string section is empty"),
        (blob(strings=b"\0int"), "NUL"),
        (blob((a_type("int", BtfKind.INT, 4),)), "type 1 ends beyond the type section"),
        (blob(([0, 31 << 24, 0],)), "type 1 is of the unknown kind 31"),
        (blob(([0, 0],)), "type 1 does not fit"),
        (blob().replace(b"\x9f\xeb\x01", b"\x9f\xeb\x02"), "version 2"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, sentence: str) -> None:
    with pytest.raises(BtfError, match=sentence):
        Btf(data)


def everything_is_asked_of(data: bytes) -> None:
    try:
        found = Btf(data)
    except BtfError:
        return
    for type_id in range(len(found) + 3):
        found.name(type_id)
        found.plain(type_id)
        found.parameters(type_id)
        assert len(list(found.members(type_id))) <= 0xFFFF
    found.function("do_work")


@settings(max_examples=cases(400), deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(blob()) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(blob())),
    st.sampled_from("<>"),
)
def test_spoilt_btf_never_raises_anything_else(
    changes: list[tuple[int, int]], length: int, order: str
) -> None:
    data = bytearray(blob(order=order))
    for place, value in changes:
        data[place] = value
    everything_is_asked_of(bytes(data))
    everything_is_asked_of(bytes(data[:length]))


@settings(max_examples=cases(200), deadline=None)
@given(st.binary(max_size=400), st.sampled_from("<>"))
def test_random_type_sections_never_raise_anything_else(section: bytes, order: str) -> None:
    section = section[: len(section) // 4 * 4]
    sizes = (24, 0, len(section), len(section), len(STRINGS))
    everything_is_asked_of(
        struct.pack(order + "HBBIIIII", 0xEB9F, 1, 0, *sizes) + section + STRINGS
    )


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (b"", "magic 0x0000"),
        (blob()[:24], "larger than"),
        (struct.pack("<HBB5I", 0xEB9F, 1, 0, 24, 0, 64 << 20, 0, 9), "larger than"),
    ],
)
def test_a_hundred_megabytes_of_zeros_are_refused_cheaply(
    tmp_path: Path, start: bytes, sentence: str
) -> None:
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(100 << 20)
    found = measured_btf(path)
    assert sentence in found.said
    assert found.memory < MOST_MEMORY, found


def test_a_directory_and_a_missing_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(BtfError, match="not a regular file"):
        open_btf(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        open_btf(str(tmp_path / "absent"))


def test_btf_in_a_kernel_image_is_found_where_libbpf_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: Callable[..., None]
) -> None:
    needs("cc", "objcopy")
    (tmp_path / "t.c").write_text("int main(void) { return 0; }")
    image, types = tmp_path / "vmlinux", tmp_path / "types"
    types.write_bytes(blob())
    subprocess.run(["cc", tmp_path / "t.c", "-o", image], check=True)
    monkeypatch.setattr(btf_file, "IMAGES", (str(tmp_path / "absent"), str(image)))
    monkeypatch.setattr(btf_file, "VMLINUX", str(tmp_path / "hidden"))
    with pytest.raises(FileNotFoundError):
        open_btf(str(tmp_path / "hidden"))
    subprocess.run(["objcopy", f"--add-section=.BTF={types}", image], check=True)
    found = open_btf(str(tmp_path / "hidden"))
    assert (found.path, found.function("do_work")) == (str(image), 6)


@pytest.mark.bpf
def test_this_kernel_is_read_whole_and_fast() -> None:
    if not Path(btf_file.VMLINUX).exists():
        missing(btf_file.VMLINUX)
    data = btf_file.read_bytes(btf_file.VMLINUX)
    start = time.process_time()
    found = Btf(data)
    assert found.function("vfs_unlink") is not None
    assert time.process_time() - start < 1, "measured: 0.1 s; the rest is room for a busy machine"
    assert len(found) > 10_000
    (task,) = found.find("task_struct", (BtfKind.STRUCT,))
    assert "pid" in {member.name for member in found.members(task)}
    assert found.function("no_function_of_this_name") is None
