"""One section of an ELF file, without a parser of all of ELF, which takes long to import."""

from __future__ import annotations

import struct
from typing import BinaryIO, Literal

import msgspec

NOBITS = 8
COMPRESSED = 0x800
"""SHT_NOBITS and SHF_COMPRESSED of elf.h."""

_MOST_NAMES = 1 << 24
"""Bytes of section names that are read at most."""


class ElfError(ValueError):
    """These bytes are not sound ELF; the message says what is wrong with them."""


class Layout(msgspec.Struct, frozen=True):
    """How this file writes numbers; an address is `word` bytes long."""

    order: Literal["<", ">"]
    word: Literal[4, 8]

    @property
    def section(self) -> str:
        """Elf64_Shdr or Elf32_Shdr up to `sh_link`: name, type, flags, address, offset, size."""
        address = "Q" if self.word == 8 else "I"
        return f"{self.order}II{address * 4}I"


class Section(msgspec.Struct, frozen=True):
    """Where a section is in the file, and what it is; `type` and `flags` as in elf.h."""

    layout: Layout
    type: int
    flags: int
    offset: int
    size: int

    def data(self, file: BinaryIO) -> bytes:
        """Its bytes. Raises ElfError where the file ends before it does."""
        return b"" if self.type == NOBITS else _read(file, self.offset, self.size)


def find_section(file: BinaryIO, name: str) -> Section | None:
    """The first section of this name; None without. Raises ElfError, or OSError as reading does."""
    layout = _layout(_read(file, 0, 16))
    start, each, count, names = _table(file, layout)
    if not start:
        return None
    if each < struct.calcsize(layout.section):
        raise ElfError(f"section headers of {each} bytes")
    first = _header(file, layout, start)
    count = count or first[5]
    names = first[6] if names == 0xFFFF else names  # SHN_XINDEX
    if not names < count <= 1 << 20:
        raise ElfError(f"{count} sections, names in section {names}")
    table = _read(file, start, each * count)
    headers = [struct.unpack_from(layout.section, table, each * i) for i in range(count)]
    where, size = headers[names][4:6]
    texts, wanted = _read(file, where, min(size, _MOST_NAMES)), name.encode() + b"\0"
    for at, kind, flags, _, offset, size, _ in headers:
        if texts.startswith(wanted, at):
            return Section(layout, kind, flags, offset, size)
    return None


def _layout(start: bytes) -> Layout:
    word, order = start[4], start[5]
    if start[:4] != b"\x7fELF" or word not in (1, 2) or order not in (1, 2):
        raise ElfError("not an ELF file")
    return Layout("<" if order == 1 else ">", 4 if word == 1 else 8)


def _table(file: BinaryIO, layout: Layout) -> tuple[int, int, int, int]:
    """Where the section headers begin, their size, their number, which one holds the names."""
    (start,) = struct.unpack(
        layout.order + ("Q" if layout.word == 8 else "I"),
        _read(file, 40 if layout.word == 8 else 32, layout.word),
    )
    rest = _read(file, 58 if layout.word == 8 else 46, 6)
    return (start, *struct.unpack(layout.order + "HHH", rest))


def _header(file: BinaryIO, layout: Layout, at: int) -> tuple[int, ...]:
    return struct.unpack(layout.section, _read(file, at, struct.calcsize(layout.section)))


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    end = file.seek(0, 2)
    if at + size > end:
        raise ElfError("it ends too early")
    file.seek(at)
    return file.read(size)
