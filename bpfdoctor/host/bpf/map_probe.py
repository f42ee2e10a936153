"""Maps as objects define them: each is made for a moment, with few entries."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import BTF_LOAD, MAP_CREATE, Attempt, bpf
from bpfdoctor.host.bpf.features.map_types import RINGS
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.question import NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class TryMap(Question[Attempt], frozen=True):
    """Create a map of the type of this number in enum bpf_map_type; sizes are in bytes.

    `typed`: its keys are of type int and its values arrays of char, as its BTF says. The size of a
    ring buffer is rounded up as adjust_ringbuf_sz of libbpf does.
    """

    number: int
    key_size: int
    value_size: int
    entries: int
    flags: int = 0
    typed: bool = False
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, attempt, self.made)

    def source(self) -> str:
        sizes = f"key {self.key_size}, value {self.value_size}, {self.entries} entries"
        flags = f", flags {self.flags:#x}" if self.flags else ""
        return f"bpf(BPF_MAP_CREATE, type {self.number}: {sizes}{flags})"

    def made(self, steps: Steps) -> int:
        """A descriptor of it. Raises OSError."""
        entries = _rounded(self.entries) if self.number in RINGS else self.entries
        sizes = self.key_size, self.value_size, entries
        attributes = struct.pack("=IIIII", self.number, *sizes, self.flags)
        if self.typed:
            steps.call = Call.BTF_LOAD
            btf = steps.keep(_load_btf(_types(self.value_size)))
            # inner_map_fd, numa_node, name, ifindex; then the BTF, and the types of key and value
            attributes += struct.pack("=28xIII", btf, KEY, VALUE)
        steps.call = Call.MAP_CREATE
        return steps.keep(bpf(MAP_CREATE, attributes))


def _rounded(size: int) -> int:
    """The least power of two of pages that holds so many bytes; nothing stays nothing."""
    page = os.sysconf("SC_PAGE_SIZE")
    pages = -(-size // page)
    return page << (pages - 1).bit_length() if pages else 0


INT, CHAR, ARRAY = 1, 2, 3
KEY, VALUE = INT, ARRAY
"""Ids of types in the BTF that is loaded for a map."""


def _types(size: int) -> bytes:
    """BTF of an int, a char, and an array of so many of them (linux/btf.h)."""
    whole = struct.pack("=IIII", 1, 1 << 24, 4, 1 << 24 | 32)
    small = struct.pack("=IIII", 5, 1 << 24, 1, 8)
    many = struct.pack("=IIIIII", 0, 3 << 24, 0, CHAR, INT, size)
    types, strings = whole + small + many, b"\0int\0char\0"
    header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + types + strings


def _load_btf(data: bytes) -> int:
    held = ctypes.create_string_buffer(data, len(data))
    return bpf(BTF_LOAD, struct.pack("=QQIIII", ctypes.addressof(held), 0, len(data), 0, 0, 0))
