"""The sections of an ELF file, without a parser of all of ELF, which takes long to import."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal

import msgspec

NULL, PROGBITS, SYMTAB, NOBITS, REL = 0, 1, 2, 8, 9
ALLOCATED, EXECUTABLE, COMPRESSED = 0x2, 0x4, 0x800
"""SHT_* and SHF_* of elf.h."""

MOST_SECTIONS = 0xFF00
"""SHN_LORESERVE: a file with more of them numbers its sections elsewhere, and is no small one."""

LONGEST = 4096
"""Bytes of one name that are read at most: those of programs hold a path (uprobe/PATH:FUNCTION)."""

_MOST_NAMES = 1 << 24
"""Bytes of section names that are read at most."""


class ElfError(ValueError):
    """These bytes are not sound ELF; the message says what is wrong with them."""


class ElfLayout(msgspec.Struct, frozen=True):
    """How this file writes numbers; an address is `word` bytes long."""

    order: Literal["<", ">"]
    word: Literal[4, 8]

    @property
    def section(self) -> str:
        """Elf64_Shdr or Elf32_Shdr: name, type, flags, address, offset, size, link, info, …"""
        address = "Q" if self.word == 8 else "I"
        return f"{self.order}II{address * 4}II{address * 2}"


class Section(msgspec.Struct, frozen=True):
    """Where a section is in the file, and what it is; all but the layout as in elf.h."""

    layout: ElfLayout
    type: int
    flags: int
    offset: int
    size: int
    link: int = 0
    info: int = 0

    @property
    def bare(self) -> bool:
        """Nothing of it can be read as it is: zeros that are not in the file, or compressed."""
        return self.type == NOBITS or bool(self.flags & COMPRESSED)

    @property
    def holds_data(self) -> bool:
        """It is loaded, holds bytes, and they are no code."""
        loaded = self.flags & (ALLOCATED | EXECUTABLE) == ALLOCATED
        return self.type == PROGBITS and loaded

    @property
    def holds_code(self) -> bool:
        """It holds instructions."""
        return self.type == PROGBITS and bool(self.flags & EXECUTABLE)

    def data(self, file: BinaryIO) -> bytes:
        """Its bytes. Raises ElfError where the file ends before it does."""
        return b"" if self.type == NOBITS else _read(file, self.offset, self.size)


def find_section(file: BinaryIO, name: str) -> Section | None:
    """The first section of this name; None without. Raises ElfError, or OSError as reading does."""
    wanted = name.encode()
    return next((section for found, section in read_sections(file) if found == wanted), None)


def read_machine(file: BinaryIO) -> tuple[ElfLayout, int, int]:
    """How a file writes numbers, its type (ET_*), and for which machine it is (EM_*).

    Raises ElfError, or OSError as reading does.
    """
    layout = _layout(_read(file, 0, 16))
    kind, machine = struct.unpack(layout.order + "HH", _read(file, 16, 4))
    return layout, kind, machine


def read_sections(file: BinaryIO) -> Iterator[tuple[bytes, Section]]:
    """Every section in order, with its name. Raises ElfError, or OSError as reading does."""
    layout = _layout(_read(file, 0, 16))
    start, each, count, names = _table(file, layout)
    if not start:
        return
    if each < struct.calcsize(layout.section):
        raise ElfError(f"section headers of {each} bytes")
    first = _header(file, layout, start)
    count = count or first[5]
    names = first[6] if names == 0xFFFF else names  # SHN_XINDEX
    if not names < count <= MOST_SECTIONS:
        raise ElfError(f"{count} sections, names in section {names}")
    table = _read(file, start, each * count)
    where, size_of_names = struct.unpack_from(layout.section, table, each * names)[4:6]
    texts = _read(file, where, min(size_of_names, _MOST_NAMES))
    for at in range(0, each * count, each):
        name, kind, flags, _, offset, size, link, info, *_ = struct.unpack_from(
            layout.section, table, at
        )
        if name and name >= size_of_names:
            raise ElfError("a section has no name")
        yield text_at(texts, name), Section(layout, kind, flags, offset, size, link, info)


def text_at(texts: bytes, at: int) -> bytes:
    """The text that begins at a place of a string table; empty beyond it, cut where it is long."""
    most = at + LONGEST
    end = texts.find(b"\0", at, most)
    return texts[at : end if end >= 0 else most]


def _layout(start: bytes) -> ElfLayout:
    word, order = start[4], start[5]
    if start[:4] != b"\x7fELF" or word not in (1, 2) or order not in (1, 2):
        raise ElfError("not an ELF file")
    return ElfLayout("<" if order == 1 else ">", 4 if word == 1 else 8)


def _table(file: BinaryIO, layout: ElfLayout) -> tuple[int, int, int, int]:
    """Where the section headers begin, their size, their number, which one holds the names."""
    (start,) = struct.unpack(
        layout.order + ("Q" if layout.word == 8 else "I"),
        _read(file, 40 if layout.word == 8 else 32, layout.word),
    )
    rest = _read(file, 58 if layout.word == 8 else 46, 6)
    return (start, *struct.unpack(layout.order + "HHH", rest))


def _header(file: BinaryIO, layout: ElfLayout, at: int) -> tuple[int, ...]:
    return struct.unpack(layout.section, _read(file, at, struct.calcsize(layout.section)))


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    end = file.seek(0, 2)
    if at + size > end:
        raise ElfError("it ends too early")
    file.seek(at)
    return file.read(size)
