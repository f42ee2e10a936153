"""CO-RE relocations of a BPF object: what its code asks of the kernel's types."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from bpfdoctor.host.btf.format import MAGIC
from bpfdoctor.host.btf.reader import Btf


class Relocate(IntEnum):
    """enum bpf_core_relo_kind of include/uapi/linux/bpf.h."""

    BYTE_OFFSET = 0
    BYTE_SIZE = 1
    FIELD_EXISTS = 2
    SIGNED = 3
    LSHIFT = 4
    RSHIFT = 5
    TYPE_ID_LOCAL = 6
    TYPE_ID_TARGET = 7
    TYPE_EXISTS = 8
    TYPE_SIZE = 9
    ENUMERATOR_EXISTS = 10
    ENUMERATOR_VALUE = 11
    TYPE_MATCHES = 12


EXISTENCE = (Relocate.FIELD_EXISTS, Relocate.TYPE_EXISTS, Relocate.ENUMERATOR_EXISTS)
"""Kinds whose answer is 1 or 0; of TYPE_MATCHES only the 0 is told here."""

OF_FIELD = (
    *(Relocate.BYTE_OFFSET, Relocate.BYTE_SIZE, Relocate.FIELD_EXISTS),
    *(Relocate.SIGNED, Relocate.LSHIFT, Relocate.RSHIFT),
)
OF_TYPE = (
    *(Relocate.TYPE_ID_TARGET, Relocate.TYPE_EXISTS),
    *(Relocate.TYPE_SIZE, Relocate.TYPE_MATCHES),
)
OF_ENUMERATOR = (Relocate.ENUMERATOR_EXISTS, Relocate.ENUMERATOR_VALUE)
MUST_BE_THERE = (
    *(each for each in OF_FIELD if each is not Relocate.FIELD_EXISTS),
    Relocate.ENUMERATOR_VALUE,
)
"""Kinds that no kernel answers without what they name."""
ASKS = (*EXISTENCE, Relocate.TYPE_ID_TARGET, Relocate.TYPE_SIZE, Relocate.TYPE_MATCHES)
"""Kinds whose answer may be no: the program asks whether something exists, or how large it is
(libbpf answers 0 for the size and the id of a type that is not there)."""


class Asked(NamedTuple):
    """What a relocation asks: of which local type, along which access (a string's offset), what."""

    type: int
    access: int
    kind: int


def steps_of(access: str) -> list[int]:
    """`0:1:2` as numbers; empty where it is no such path."""
    parts = access.split(":")
    sound = len(parts) <= 64 and all(part.isdecimal() and len(part) < 10 for part in parts)
    return [int(part) for part in parts] if sound else []


LINES, RELOCATIONS = 16, 24
"""Where the header of `.BTF.ext` says where these parts are (struct btf_ext_header of libbpf)."""


def relocations(ext: bytes, local: Btf) -> Iterator[tuple[str, int, Asked]]:
    """The CO-RE relocations in a `.BTF.ext` section, each with its section and its place in it."""
    for section, (place, *asked) in records(ext, local, RELOCATIONS):
        yield section, place, Asked(*asked)


def records(ext: bytes, local: Btf, where: int) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """The records of one part of a `.BTF.ext` section, each with the section that it is about.

    A record begins with four numbers, the first of which is a place in that section. None of a part
    that is cut or unsound.
    """
    order, least = "<" if local.header.endianness == "little" else ">", where + 8
    if len(ext) < least or struct.unpack_from(order + "H", ext) != (MAGIC,):
        return
    (header,) = struct.unpack_from(order + "I", ext, 4)
    offset, length = struct.unpack_from(order + "II", ext, where)
    part = ext[header + offset : header + offset + length]
    if header < least or len(part) != length or length < 4:
        return
    (size,) = struct.unpack_from(order + "I", part)
    at = 4
    while size >= 16 and at + 8 <= length:
        name, count = struct.unpack_from(order + "II", part, at)
        at += 8
        section = local.string(name)
        for place in range(at, min(at + count * size, length - 15), size):
            yield section, struct.unpack_from(order + "IIII", part, place)
        at += count * size
