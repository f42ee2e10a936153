"""A dozen instructions that count how often they see one number: the heart of our live proofs.

The program has one array map, whose only element is two 64-bit numbers: a magic one, and its count
of hits. The magic number is random, so that only our own call carries it.
"""

from __future__ import annotations

import os
import struct

from bpfdoctor.host.bpf.calls import (
    EXIT,
    create_map,
    instruction,
    lookup,
    map_reference,
    register_of,
    update,
)
from bpfdoctor.host.bpf.uapi import MAP_TYPES

VALUE = struct.Struct("=QQ")
"""The element of the map: the magic number, and how often it was seen."""

KEY = bytes(4)


def magic_number(bits: int) -> int:
    """A random number of exactly so many bits."""
    return int.from_bytes(os.urandom(8), "little") % (1 << (bits - 1)) | 1 << (bits - 1)


def counting_code(read: bytes, returns: int) -> tuple[bytes, int]:
    """Instructions that end with `returns`, and the index of the one that names the map.

    `read` puts the number to look at into r7; r1 is the context there.
    """
    key = b"".join(
        (
            instruction(0x62, 10, 0, -4, 0),  # *(u32 *)(r10 - 4) = 0
            instruction(0xBF, 2, 10),  # r2 = r10
            instruction(0x07, 2, 0, 0, -4),  # r2 += -4
        )
    )
    count = b"".join(
        (
            instruction(0x85, 0, 0, 0, 1),  # call bpf_map_lookup_elem
            instruction(0x15, 0, 0, 4, 0),  # if r0 == 0 goto out
            instruction(0x79, 1, 0, 0),  # r1 = *(u64 *)(r0 + 0), the magic number
            instruction(0x5D, 1, 7, 2),  # if r1 != r7 goto out
            instruction(0xB7, 1, 0, 0, 1),  # r1 = 1
            instruction(0xDB, 0, 1, 8),  # lock *(u64 *)(r0 + 8) += r1, the hits
            instruction(0xB7, 0, 0, 0, returns),  # out: r0 = returns
            EXIT,
        )
    )
    before = read + key
    return before + map_reference(1, 0) + count, len(before) // 8


def counting_map(magic: int) -> int:
    """A new map of that kind, with no hits: a descriptor. Raises OSError."""
    descriptor = create_map(MAP_TYPES["array"], 4, VALUE.size, 1)
    update(descriptor, KEY, VALUE.pack(magic, 0))
    return descriptor


def hits_in(descriptor: int) -> int:
    """How often the program saw the number. Raises OSError."""
    hits: int = VALUE.unpack(lookup(descriptor, KEY, VALUE.size))[1]
    return hits


def with_map(code: bytes, references: tuple[int, ...], descriptor: int) -> bytes:
    """`code` with the map's descriptor in each of its references (instruction indices)."""
    for index in references:
        register = register_of(code[index * 8 : index * 8 + 8])
        code = code[: index * 8] + map_reference(register, descriptor) + code[index * 8 + 16 :]
    return code
