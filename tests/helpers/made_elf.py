"""ELF objects and BTF put together by hand: what no compiler writes, to the byte."""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PROGBITS, SYMTAB, STRTAB, REL = 1, 2, 3, 9
EXECUTABLE = 0x6
GLOBAL_FUNCTION = 0x12

EXIT = struct.pack("=BBhi", 0x95, 0, 0, 0)


class Part(NamedTuple):
    """A section; `size` claims another than the data has, at the file's beginning."""

    name: str
    data: bytes
    type: int = PROGBITS
    flags: int = 0
    link: int = 0
    info: int = 0
    size: int = 0


def symbol(name: int, info: int, section: int, value: int = 0, size: int = 0) -> bytes:
    """One of a symbol table; `name` is its place among the names."""
    return struct.pack("=IBBHQQ", name, info, 0, section, value, size)


def call(number: int, source: int = 0) -> bytes:
    """A call: of a helper by number, or with source 1 of code so many instructions on."""
    registers = source << 4 if sys.byteorder == "little" else source
    return struct.pack("=BBhi", 0x85, registers, 0, number)


def write_elf(path: Path, parts: Sequence[Part], machine: int = 247) -> Path:
    """A relocatable file of these sections, which count from 1; the names come last."""
    names = b"\0" + b"".join(each.name.encode() + b"\0" for each in parts) + b".shstrtab\0"
    every = [*parts, Part(".shstrtab", names, STRTAB)]
    where, at, headers = 64, 1, bytes(64)
    for each in every:
        offset, size = (0, each.size) if each.size else (where, len(each.data))
        headers += struct.pack("=IIQQQQIIQQ", at, each.type, each.flags, 0, offset, size,
                               each.link, each.info, 1, 0)  # fmt: skip
        where += len(each.data)
        at += len(each.name) + 1
    order = 1 if sys.byteorder == "little" else 2
    start = struct.pack("=4sBBB9xHHIQQQIHHHHHH", b"\x7fELF", 2, order, 1, 1, machine, 1, 0, 0,
                        where, 0, 64, 0, 0, 64, len(every) + 1, len(every))  # fmt: skip
    path.write_bytes(start + b"".join(each.data for each in every) + headers)
    return path


def write_object(path: Path, code: bytes, *more: Part, section: str = "tp/sched/x") -> Path:
    """An object of one program, `ours`; sections in `more` count from 4."""
    table = bytes(24) + symbol(1, GLOBAL_FUNCTION, 3, 0, len(code))
    first = [
        Part(".strtab", b"\0ours\0", STRTAB),
        Part(".symtab", table, SYMTAB, link=1),
        Part(section, code, flags=EXECUTABLE),
    ]
    return write_elf(path, [*first, *more])


def btf(types: Sequence[Sequence[int]], strings: bytes) -> bytes:
    """BTF of these types, each as its words."""
    words = [word for each in types for word in each]
    section = struct.pack(f"={len(words)}I", *words)
    sizes = (24, 0, len(section), len(section), len(strings))
    return struct.pack("=HBBIIIII", 0xEB9F, 1, 0, *sizes) + section + strings


def btf_ext(section: int, records: Sequence[tuple[int, int, int, int]]) -> bytes:
    """A `.BTF.ext` of CO-RE relocations: place, type, access, kind; names by their place."""
    part = struct.pack("=III", 16, section, len(records))
    part += b"".join(struct.pack("=IIII", *each) for each in records)
    return struct.pack("=HBB7I", 0xEB9F, 1, 0, 32, 0, 0, 0, 0, 0, len(part)) + part
