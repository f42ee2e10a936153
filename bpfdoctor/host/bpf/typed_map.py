"""Maps of which the kernel wants to know the types of keys and values: BTF for one of any size."""

from __future__ import annotations

import ctypes
import os
import struct

from bpfdoctor.host.bpf.calls import BTF_LOAD, bpf, create_typed_map
from bpfdoctor.host.btf.format import MAGIC, Kind

INT, CHAR, ARRAY = 1, 2, 3
"""Ids of the types: of keys, of a byte, and of values, which are so many bytes."""

SIGNED = 1 << 24
"""BTF_INT_SIGNED, where an integer's encoding is (linux/btf.h)."""


def create_storage(kind: int, key_size: int, value_size: int, entries: int, flags: int) -> int:
    """A map whose keys are of type int and whose values are bytes. Raises OSError."""
    btf = _load(_types(value_size))
    try:
        return create_typed_map((kind, key_size, value_size, entries, flags), btf, INT, ARRAY)
    finally:
        os.close(btf)


def _types(size: int) -> bytes:
    whole = struct.pack("=IIII", 1, Kind.INT << 24, 4, SIGNED | 32)
    small = struct.pack("=IIII", 5, Kind.INT << 24, 1, 8)
    many = struct.pack("=IIIIII", 0, Kind.ARRAY << 24, 0, CHAR, INT, size)
    types, strings = whole + small + many, b"\0int\0char\0"
    header = struct.pack("=HBBIIIII", MAGIC, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + types + strings


def _load(data: bytes) -> int:
    """BPF_BTF_LOAD: a descriptor (Linux 4.18)."""
    held = ctypes.create_string_buffer(data, len(data))
    return bpf(BTF_LOAD, struct.pack("=QQIIII", ctypes.addressof(held), 0, len(data), 0, 0, 0))
