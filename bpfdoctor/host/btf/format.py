"""The parts of BTF: its kinds, its header, and what makes bytes unsound."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Literal

import msgspec

MAGIC = 0xEB9F
TYPE_LIMIT = 0x000FFFFF
"""The highest type id that the kernel takes (BTF_MAX_TYPE in include/uapi/linux/btf.h)."""
HEADER_SIZE = 24


class BtfKind(IntEnum):
    """BTF_KIND_* of include/uapi/linux/btf.h."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


COMPOSITE = (BtfKind.STRUCT, BtfKind.UNION)
ENUMERATIONS = (BtfKind.ENUM, BtfKind.ENUM64)
MODIFIERS = (BtfKind.TYPEDEF, BtfKind.VOLATILE, BtfKind.CONST, BtfKind.RESTRICT, BtfKind.TYPE_TAG)

# Words after the three that each type begins with.
_FIXED = {BtfKind.INT: 1, BtfKind.ARRAY: 3, BtfKind.VAR: 1, BtfKind.DECL_TAG: 1}
_EACH = {
    BtfKind.STRUCT: 3,
    BtfKind.UNION: 3,
    BtfKind.ENUM: 2,
    BtfKind.FUNC_PROTO: 2,
    BtfKind.DATASEC: 3,
    BtfKind.ENUM64: 3,
}
WORDS = tuple((3 + _FIXED.get(kind, 0), _EACH.get(kind, 0)) for kind in BtfKind)
"""By kind, the words that a type takes: a fixed number, and so many for each of its `vlen`."""


class BtfError(ValueError):
    """These bytes are not sound BTF; the message says what is wrong with them."""


class NewerBtfError(BtfError):
    """It holds what this reader does not know, as the BTF of a kernel newer than it may."""


class Header(msgspec.Struct, frozen=True):
    """The header; offsets count from its own end."""

    endianness: Literal["little", "big"]
    version: int
    length: int
    type_offset: int
    type_length: int
    string_offset: int
    string_length: int


class Member(msgspec.Struct, frozen=True):
    """One member of a struct or union; `offset` in bits, `bits` 0 unless it is a bit-field."""

    name: str
    type: int
    offset: int
    bits: int


def read_header(data: bytes | memoryview, size: int) -> Header:
    """The header of BTF that is `size` bytes long in all. Raises BtfError."""
    if len(data) < HEADER_SIZE:
        raise BtfError(f"{len(data)} bytes are too few for a header of {HEADER_SIZE}")
    magic: int = struct.unpack_from("<H", data)[0]
    if magic not in (MAGIC, 0x9FEB):
        raise BtfError(f"magic {magic:#06x} in place of {MAGIC:#06x}")
    little = magic == MAGIC
    _, version, _, *rest = struct.unpack_from(("<" if little else ">") + "HBBIIIII", data)
    header = Header("little" if little else "big", version, *rest)
    _hold_to_bounds(header, size)
    return header


def _hold_to_bounds(header: Header, size: int) -> None:
    if header.version != 1:
        raise BtfError(f"version {header.version} in place of 1")
    if not HEADER_SIZE <= header.length <= size:
        raise BtfError(f"a header of {header.length} bytes in a file of {size}")
    room = size - header.length
    if header.type_offset % 4 or header.type_length % 4:
        raise BtfError("the type section is not made of whole words")
    if header.type_offset + header.type_length > room:
        raise BtfError("the type section ends beyond the file")
    if header.string_offset + header.string_length > room:
        raise BtfError("the string section ends beyond the file")
    if not header.type_length:
        raise BtfError("0 types")
    if not header.string_length:
        raise BtfError("the string section is empty")
