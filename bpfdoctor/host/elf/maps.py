"""The maps that a BPF object defines, as its loader makes them unless its own program says else.

From libbpf's parse_btf_map_def and bpf_object__create_map.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import msgspec

from bpfdoctor.host.bpf.uapi import MAP_TYPES
from bpfdoctor.host.btf.names import names_of
from bpfdoctor.host.btf.reader import Btf

SECTION = ".maps"
"""Where `SEC(".maps")` puts their definitions."""

RING_BUFFERS = ("ringbuf", "user_ringbuf")


class ObjectMap(msgspec.Struct, frozen=True):
    """A map that an object defines; its type as the kernel's enum bpf_map_type has it.

    Sizes are in bytes, 0 for one that is left to the loader. `pinned`: the loader pins it in the
    BPF file system.
    """

    name: str
    type: str
    key_size: int = 0
    value_size: int = 0
    entries: int = 0
    flags: int = 0
    pinned: bool = False


def maps(local: Btf, kernel: Btf | None) -> Iterator[ObjectMap]:
    """The maps in `.maps`, by the object's BTF."""
    types = names_of(kernel, "bpf_map_type", "BPF_MAP_TYPE_", MAP_TYPES)
    for variable in local.variables(SECTION):
        said = _said(local, variable)
        if "type" in said:
            kind = types.get(said["type"], f"type {said['type']}").lower()
            yield ObjectMap(
                name=local.name(variable),
                type=kind,
                key_size=said.get("key_size", 0),
                value_size=said.get("value_size", 0),
                entries=_entries(kind, said.get("max_entries", 0)),
                flags=said.get("map_flags", 0),
                pinned=bool(said.get("pinning", 0)),
            )


def _said(local: Btf, variable: int) -> dict[str, int]:
    """`__uint(max_entries, N)` points to an array of N elements, `__type(key, T)` to a T."""
    said: dict[str, int] = {}
    for member in local.members(local.plain(local.refers_to(variable))):
        behind = local.refers_to(member.type)
        if member.name in ("key", "value"):
            said[f"{member.name}_size"] = local.bytes_of(behind)
        else:
            said[member.name] = local.element(local.plain(behind))[1]
    return said


def _entries(kind: str, entries: int) -> int:
    """libbpf gives an array of events one for each CPU, and a ring buffer a power of two pages."""
    if kind == "perf_event_array":
        return entries or 1
    if kind in RING_BUFFERS and entries:
        pages = -(-entries // mmap.PAGESIZE)
        return mmap.PAGESIZE << (pages - 1).bit_length()
    return entries
