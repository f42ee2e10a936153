"""A relocatable ELF file of 64 bits, with its symbols; what is read of it is bounded."""

from __future__ import annotations

import bisect
import os
import struct
from array import array
from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO, NamedTuple

from bpfdoctor.host.elf.section import (
    NOBITS,
    NULL,
    REL,
    SYMTAB,
    ElfError,
    Section,
    read_machine,
    read_sections,
    text_at,
)

MOST_READ = 8 << 20
"""Bytes of all sections together that are read at most. The largest objects known have 2 MB of
code and BTF; the kernel takes 8 MB for a program (BPF_COMPLEXITY_LIMIT_INSNS, Linux 5.2)."""

TYPELESS, OBJECT, FUNCTION, WHOLE_SECTION = 0, 1, 2, 3
"""STT_NOTYPE, STT_OBJECT, STT_FUNC and STT_SECTION of elf.h."""
LOCAL, GLOBAL, WEAK = 0, 1, 2
"""STB_* of elf.h."""
UNDEFINED = 0
"""SHN_UNDEF of elf.h: the section of a symbol that the loader must find elsewhere."""


class TooLargeError(ElfError):
    """There is more of it than is read."""


class Symbol(NamedTuple):
    """One symbol: the number of its section, and its place and size in it, in bytes."""

    name: bytes
    type: int
    binding: int
    section: int
    value: int
    size: int


class Image:
    """An ELF file that is open. Its sections count as in the file; what was read once is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, MOST_READ
        self.layout, self.type, self.machine = read_machine(file)
        self.names: list[str] = []
        self.sections: list[Section] = []
        for name, section in read_sections(file):
            self._charge(len(name))
            self.names.append(name.decode(errors="backslashreplace"))
            self.sections.append(section)
        self._hold_to(file.seek(0, os.SEEK_END))
        self._data: dict[int, bytes] = {}
        self._places: dict[int, array[int]] = {}

    def _hold_to(self, end: int) -> None:
        """Every section lies in the file: libbpf asks of each what it holds."""
        for name, section in zip(self.names, self.sections, strict=True):
            if section.type not in (NULL, NOBITS) and section.offset + section.size > end:
                raise ElfError(f"it ends before its section {name}")

    def _charge(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLargeError(f"more than {MOST_READ} bytes of sections")

    def data(self, number: int) -> bytes:
        """What a section holds, by its number. Raises ElfError where it is cut, TooLargeError."""
        if number not in self._data:
            section = self.sections[number]
            self._charge(0 if section.bare else section.size)
            self._data[number] = b"" if section.bare else section.data(self._file)
        return self._data[number]

    def find(self, name: str) -> int | None:
        """The number of the first section of this name."""
        return self.names.index(name) if name in self.names else None

    def named(self, name: str) -> bytes:
        """What the first section of this name holds; nothing where there is none."""
        number = self.find(name)
        return b"" if number is None else self.data(number)

    @cached_property
    def _symbols(self) -> tuple[bytes, bytes, str]:
        """The table of symbols, their names, and the layout of one."""
        tables = [at for at, section in enumerate(self.sections) if section.type == SYMTAB]
        if not tables:
            return b"", b"", ""
        section = self.sections[tables[0]]
        if section.link >= len(self.sections):
            raise ElfError("its symbols have no names")
        return self.data(tables[0]), self.data(section.link), f"{self.layout.order}IBBHQQ"

    def symbol(self, number: int) -> Symbol | None:
        """A symbol by its number, as relocations name it; None beyond the table."""
        table, names, layout = self._symbols
        if (number + 1) * 24 > len(table):
            return None
        name, info, _, section, value, size = struct.unpack_from(layout, table, number * 24)
        return Symbol(text_at(names, name), info & 0xF, info >> 4, section, value, size)

    def symbols(self) -> Iterator[Symbol]:
        """Every symbol, in order."""
        for number in range(len(self._symbols[0]) // 24):
            symbol = self.symbol(number)
            assert symbol is not None
            yield symbol

    @cached_property
    def _related(self) -> dict[int, list[int]]:
        """The sections of relocations of each section."""
        found: dict[int, list[int]] = {}
        for number, section in enumerate(self.sections):
            if section.type == REL:
                found.setdefault(section.info, []).append(number)
        return found

    def unlinkable_data(self) -> Iterator[str]:
        """The sections of data that hold an address of what has no name (a string, a static).

        libbpf's linker refuses them ("relocation against STT_SECTION in non-exec section is not
        supported!": linker_append_elf_relos of linker.c, since libbpf 0.4), and with it
        `bpftool gen object`.
        """
        for number in self._related:
            if number < len(self.sections) and self.sections[number].holds_data:
                symbols = (self.symbol(symbol) for _, symbol in self._relocations(number))
                if any(symbol and symbol.type == WHOLE_SECTION for symbol in symbols):
                    yield self.names[number]

    def named_by_code(self) -> set[int]:
        """The numbers of the sections to which code is relocated."""
        there = (at for at in self._related if at < len(self.sections))
        code = [at for at in there if self.sections[at].holds_code]
        symbols = {symbol for at in code for _, symbol in self._relocations(at)}
        found = {each.section for each in map(self.symbol, symbols) if each}
        return {each for each in found if 0 < each < len(self.sections)}

    def symbol_at(self, section: int, place: int) -> int | None:
        """The number of the symbol to which the instruction at a place is relocated."""
        places = self._relocated(section)
        at = bisect.bisect_left(places, place << 32)
        known = at < len(places) and places[at] >> 32 == place
        return places[at] & 0xFFFFFFFF if known else None

    def symbols_between(self, section: int, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Every relocated place there, and the number of its symbol."""
        places = self._relocated(section)
        first, last = (bisect.bisect_left(places, at << 32) for at in (start, end))
        yield from ((each >> 32, each & 0xFFFFFFFF) for each in places[first:last])

    def _relocated(self, section: int) -> array[int]:
        """By place: the relocations of a section, each as place and symbol in one number."""
        if section not in self._places:
            found = (at << 32 | symbol for at, symbol in self._relocations(section))
            self._places[section] = array("Q", sorted(found))
        return self._places[section]

    def _relocations(self, section: int) -> Iterator[tuple[int, int]]:
        for number in self._related.get(section, ()):
            data = self.data(number)
            whole = data[: len(data) // 16 * 16]
            for place, info in struct.iter_unpack(f"{self.layout.order}QQ", whole):
                if place < MOST_READ:
                    yield place, info >> 32
