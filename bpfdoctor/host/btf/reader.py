"""A reader of BTF, the kernel's description of its own types; either endianness.

The format is Documentation/bpf/btf.rst in Linux. Whatever the bytes are, reading them ends in a
`Btf` or in `BtfError` with a sentence; nothing read here is trusted to be in bounds or free of
cycles.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence

from bpfdoctor.host.btf.format import (
    COMPOSITE,
    ENUMERATIONS,
    MODIFIERS,
    TYPE_LIMIT,
    WORDS,
    BtfError,
    BtfKind,
    Member,
    NewerBtfError,
    read_header,
)

LONGEST = 4096
"""Bytes of one string that are read at most; the kernel takes names of 512 (KSYM_NAME_LEN)."""


class Btf:
    """The types of one piece of BTF. Ids count from 1; 0, or any out of range, is void."""

    def __init__(self, data: bytes, path: str = "") -> None:
        self.path, self.size = path, len(data)
        self.header = read_header(data, len(data))
        start = self.header.length + self.header.string_offset
        self._strings = data[start : start + self.header.string_length]
        if self._strings[0] or self._strings[-1]:
            raise BtfError("the string section does not begin and end with a NUL byte")
        self._words = self._type_words(data)
        self._starts = array("I", [0])
        self._names = array("I", [0])
        self._kinds = bytearray([BtfKind.VOID])
        self._walk()
        self._named = self._names.tobytes()  # searched by name

    def __len__(self) -> int:
        """The number of types, void not counted."""
        return len(self._starts) - 1

    def _type_words(self, data: bytes) -> Sequence[int]:
        start = self.header.length + self.header.type_offset
        section = memoryview(data)[start : start + self.header.type_length]
        if self.header.endianness == sys.byteorder:
            return section.cast("I")
        words = array("I", section.tobytes())
        words.byteswap()
        return words

    def _walk(self) -> None:
        """Find where each type begins: the one pass over all of them."""
        words, at, end = self._words, 0, len(self._words)
        starts, names, kinds = self._starts.append, self._names.append, self._kinds.append
        known, sizes, room = len(WORDS), WORDS, TYPE_LIMIT
        while at < end:
            if at + 3 > end or not room:
                raise BtfError(f"type {len(self._starts)} does not fit")
            info = words[at + 1]
            kind = info >> 24 & 0x1F
            if not 0 < kind < known:
                wrong = NewerBtfError if kind else BtfError
                raise wrong(f"type {len(self._starts)} is of the unknown kind {kind}")
            starts(at)
            names(words[at])
            kinds(kind)
            fixed, each = sizes[kind]
            at += fixed + each * (info & 0xFFFF)
            room -= 1
        if at != end:
            raise BtfError(f"type {len(self)} ends beyond the type section")

    def kind(self, type_id: int) -> BtfKind:
        """What sort of type it is."""
        return BtfKind(self._kinds[type_id]) if 0 < type_id < len(self._kinds) else BtfKind.VOID

    def kinds(self) -> tuple[BtfKind, ...]:
        """The kinds that its types are of, by number."""
        return tuple(BtfKind(kind) for kind in sorted(set(self._kinds)) if kind)

    def name(self, type_id: int) -> str:
        """Its name; empty for an anonymous type."""
        return self.string(self._names[type_id]) if 0 < type_id < len(self._names) else ""

    def string(self, offset: int) -> str:
        """The string at an offset of the string section, cut where it is long; empty beyond it."""
        if offset >= len(self._strings):
            return ""
        most = offset + LONGEST
        end = self._strings.find(b"\0", offset, most)
        return self._strings[offset : end if end >= 0 else most].decode(errors="backslashreplace")

    def refers_to(self, type_id: int) -> int:
        """What a pointer, modifier, function or variable refers to; the size of a sized type."""
        return self._words[self._starts[type_id] + 2] if self.kind(type_id) else 0

    def find(self, name: str, kinds: Sequence[BtfKind]) -> Iterator[int]:
        """The ids of the types of these kinds with this name."""
        for offset in self._offsets(name.encode()):
            at = 0
            while (at := self._next_named(offset, at + 1)) > 0:
                if self._kinds[at] in kinds:
                    yield at

    def _next_named(self, offset: int, start: int) -> int:
        """The next type with this name, from `start` on; 0 for none."""
        wanted, width = array("I", [offset]).tobytes(), self._names.itemsize
        at = self._named.find(wanted, start * width)
        while at % width and at > 0:  # found across two numbers
            at = self._named.find(wanted, at + 1)
        return max(at, 0) // width

    def _offsets(self, name: bytes) -> Iterator[int]:
        """Where a string is: on its own, else as the end of longer ones."""
        whole = self._strings.find(b"\0" + name + b"\0") if name else -1
        if whole >= 0:
            yield whole + 1
            return
        at = self._strings.find(name + b"\0") if name else -1
        while at > 0:
            yield at
            at = self._strings.find(name + b"\0", at + 1)

    def plain(self, type_id: int) -> int:
        """The type behind typedef, const, volatile, restrict and tags; void for a cycle."""
        for _ in range(64):
            if self.kind(type_id) not in MODIFIERS:
                return type_id
            type_id = self.refers_to(type_id)
        return 0

    def members(self, type_id: int) -> Iterator[Member]:
        """The members of a struct or union, in order; nothing for any other type."""
        for number in range(self._count(type_id) if self.kind(type_id) in COMPOSITE else 0):
            yield self._member(self._starts[type_id], number)

    def member(self, type_id: int, number: int) -> Member | None:
        """One member by its number; None beyond the last."""
        if self.kind(type_id) not in COMPOSITE or number >= self._count(type_id):
            return None
        return self._member(self._starts[type_id], number)

    def _member(self, start: int, number: int) -> Member:
        at, flagged = start + 3 + 3 * number, self._words[start + 1] >> 31
        name, member_type, offset = self._words[at : at + 3]
        bits, place = (offset >> 24, offset & 0xFFFFFF) if flagged else (0, offset)
        return Member(self.string(name), member_type, place, bits)

    def _count(self, type_id: int) -> int:
        """How many members, enumerators or parameters a type has."""
        return self._words[self._starts[type_id] + 1] & 0xFFFF

    def variables(self, section: str) -> Iterator[int]:
        """The variables in a section of the object (`.maps`): ids of kind VAR."""
        for type_id in self.find(section, (BtfKind.DATASEC,)):
            start = self._starts[type_id]
            yield from self._words[start + 3 : start + 3 + 3 * self._count(type_id) : 3]

    def enumerators(self, type_id: int) -> Iterator[tuple[str, int]]:
        """The names and values of an enumeration (of 64 bits: the lower 32), in order."""
        number = 0
        while (pair := self.enumerator(type_id, number)) is not None:
            yield pair
            number += 1

    def enumerator(self, type_id: int, number: int) -> tuple[str, int] | None:
        """One name and its value by its number; None beyond the last."""
        kind = self.kind(type_id)
        if kind not in ENUMERATIONS or number >= self._count(type_id):
            return None
        at = self._starts[type_id] + 3 + WORDS[kind][1] * number
        return self.string(self._words[at]), self._words[at + 1]

    def element(self, array_type: int) -> tuple[int, int]:
        """The type of an array's elements and how many there are; (0, 0) for any other type."""
        if self.kind(array_type) is not BtfKind.ARRAY:
            return 0, 0
        at = self._starts[array_type] + 3  # element type, index type, number of elements
        return self._words[at], self._words[at + 2]

    def integer(self, type_id: int) -> tuple[int, int]:
        """An integer's size in bytes and its encoding (BTF_INT_*); (0, 0) for any other type."""
        if self.kind(type_id) is not BtfKind.INT:
            return 0, 0
        at = self._starts[type_id] + 2
        return self._words[at], self._words[at + 1] >> 24 & 0xF

    def parameters(self, function: int) -> tuple[int, ...]:
        """The types of a function's parameters; the last is 0 where it takes any number."""
        prototype = self.refers_to(function) if self.kind(function) is BtfKind.FUNC else function
        if self.kind(prototype) is not BtfKind.FUNC_PROTO:
            return ()
        start = self._starts[prototype]
        return tuple(self._words[start + 4 : start + 4 + 2 * self._count(prototype) : 2])

    def function(self, name: str) -> int | None:
        """The id of the function with this name."""
        return next(self.find(name, (BtfKind.FUNC,)), None)
