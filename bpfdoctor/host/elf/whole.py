"""Whether a file that a compiler, an archiver or bpftool wrote is whole, by its own tables."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, Literal

import msgspec

from bpfdoctor.host.elf.object import machine_name
from bpfdoctor.host.reading import NotRegularError, opened_regular

State = Literal["whole", "cut", "empty", "other", "unreadable"]
"""`cut`: it ends before its own tables say; `other`: not what files of that name are."""

Wanted = Literal["object", "executable", "archive", "skeleton"]

MOST_MEMBERS = 4096
"""Members of an archive that are walked; libbpf's has 22."""

MOST_INDEX = 1 << 16
"""Bytes of its index of symbols that are read; libbpf's has 20,000."""

_NOBITS = 8
"""SHT_NOBITS of elf.h: such a section takes no room in the file."""

_HEADERS = {1: ("16xHHIIIIIHHHHHH", 52), 2: ("16xHHIQQQIHHHHHH", 64)}
"""`Elf32_Ehdr` and `Elf64_Ehdr` behind e_ident, by EI_CLASS."""
_SECTIONS = {1: "IIIIIIIIII", 2: "IIQQQQIIQQ"}
"""`Elf32_Shdr` and `Elf64_Shdr`."""


class Wholeness(msgspec.Struct, frozen=True):
    """How whole a file is; `machine` as in elf.h (`EM_BPF`), that of an archive's first object."""

    state: State
    machine: str = ""


def wholeness(path: str, wanted: Wanted) -> Wholeness:
    """Look at a file; what is no regular file is not opened (a FIFO would block)."""
    try:
        with opened_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            return _read(file, size, wanted) if size else Wholeness("empty")
    except NotRegularError:
        return Wholeness("other")
    except OSError:
        return Wholeness("unreadable")


def _read(file: BinaryIO, size: int, wanted: Wanted) -> Wholeness:
    if wanted == "archive":
        return _archive(file, size)
    if wanted == "skeleton":
        return _skeleton(file, size)
    return _elf(file, 0, size, (2, 3) if wanted == "executable" else (1,))


def _skeleton(file: BinaryIO, size: int) -> Wholeness:
    """A header that bpftool wrote ends with the `#endif` of its guard."""
    file.seek(max(0, size - 512))
    last = file.read(512).rstrip().rpartition(b"\n")[2]
    return Wholeness("whole" if last.startswith(b"#endif") else "cut")


def _elf(file: BinaryIO, start: int, size: int, kinds: tuple[int, ...]) -> Wholeness:
    """An ELF file of `size` bytes at `start`: its table of sections, and all that it names."""
    file.seek(start)
    head = file.read(min(64, size))
    layout = _HEADERS.get(head[4]) if len(head) > 5 and head[:4] == b"\x7fELF" else None
    if layout is None or head[5] not in (1, 2):
        return Wholeness("cut" if b"\x7fELF".startswith(head[:4]) else "other")
    order = "<" if head[5] == 1 else ">"
    if len(head) < layout[1]:
        return Wholeness("cut")
    kind, number, _, _, _, table, _, _, _, _, each, count, _ = struct.unpack_from(
        order + layout[0], head
    )
    if kind not in kinds:
        return Wholeness("other", machine_name(number))
    file.seek(start + table)
    wanted = each * max(1, count) if table else 0
    data = file.read(wanted) if table + wanted <= size else b""
    whole = len(data) == wanted and _sections_end(data, order, head[4], each) <= size
    return Wholeness("whole" if whole else "cut", machine_name(number))


def _sections_end(data: bytes, order: str, bits: int, each: int) -> int:
    """Where the last byte of the sections is, in the file."""
    layout, end = struct.Struct(order + _SECTIONS[bits]), 0
    if each < layout.size:
        return 0
    for place in range(0, len(data) - layout.size + 1, each):
        _, kind, _, _, offset, size, *_ = layout.unpack_from(data, place)
        if kind not in (0, _NOBITS):
            end = max(end, offset + size)
    return end


def _archive(file: BinaryIO, size: int) -> Wholeness:
    """The members of an archive, one after the other (ar(5)); a thin one holds none of them."""
    file.seek(0)
    magic = file.read(8)
    if magic == b"!<thin>\n":
        return Wholeness("whole")
    if magic != b"!<arch>\n":
        return Wholeness("cut" if b"!<arch>\n".startswith(magic) else "other")
    place, machine, count = 8, "", 0
    while place < size and count < MOST_MEMBERS:
        name, length = _member(file, place)
        if length < 0 or place + 60 + length > size:
            return Wholeness("cut", machine)
        if name.startswith(b"/ "):
            size = max(size, _indexed(file, length) + 1)  # members that are gone are walked in vain
        elif not machine and not name.startswith(b"/"):
            first = _elf(file, place + 60, length, (1,))
            if first.state != "whole":
                return first
            machine = first.machine
        place, count = place + 60 + length + length % 2, count + 1
    return Wholeness("whole" if count else "empty", machine)


def _member(file: BinaryIO, place: int) -> tuple[bytes, int]:
    """The name of a member and the bytes that it has; -1 where there is no sound header."""
    file.seek(place)
    header = file.read(60)
    digits = header[48:58].strip()
    sound = len(header) == 60 and header[58:] == b"`\n" and digits.isdigit()
    return header[:16], int(digits) if sound else -1


def _indexed(file: BinaryIO, length: int) -> int:
    """The last place that the index of symbols, which is next in the file, names."""
    data = file.read(min(length, MOST_INDEX))
    count = min(int.from_bytes(data[:4], "big"), len(data) // 4 - 1)
    return max(struct.unpack_from(f">{max(0, count)}I", data, 4), default=0) if count > 0 else 0
