"""The maps that a BPF object defines in its section `.maps`, as libbpf reads them from its BTF."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bpfdoctor.host.btf.format import COMPOSITE, ENUMERATIONS, BtfKind
from bpfdoctor.host.btf.reader import Btf

MAPS, OLD_MAPS = ".maps", "maps"
"""Sections that define maps: by their types, and as libbpf refuses it since 1.0."""

MOST_DIMENSIONS = 16

NUMBERS = {
    "type": "number",
    "key_size": "key_size",
    "value_size": "value_size",
    "max_entries": "entries",
    "map_flags": "flags",
    "pinning": "pinned",
}
"""What `__uint` sets, by the name of the member: a pointer to an array of so many elements."""

DESCRIPTOR = 4
"""Bytes of a value that is a map or a program: libbpf's parse_btf_map_def takes so many where the
member `values` says which maps (Linux 5.8, 646f02ffdd49) or programs lie in a map."""


class ObjectMap(msgspec.Struct, frozen=True):
    """A map that an object defines; its type as the kernel's enum bpf_map_type has it.

    `number` is that of its type, `key_size` and `value_size` are in bytes. `typed`: the types of
    its keys and values are given too. `pinned` is 1 where libbpf pins it by its name.
    """

    name: str
    type: str
    number: int = 0
    key_size: int = 0
    value_size: int = 0
    entries: int = 0
    flags: int = 0
    typed: bool = False
    pinned: int = 0

    @property
    def nameless(self) -> bool:
        """The kernel that was asked has no name for its type."""
        return self.type == _nameless(self.number)


def _nameless(number: int) -> str:
    """What stands in the place of a name."""
    return f"type {number}"


def maps(local: Btf, types: dict[int, str]) -> Iterator[ObjectMap]:
    """Every map; `types` are the kernel's names of their types."""
    for variable in local.variables(MAPS):
        found: dict[str, int] = {}
        names = set()
        for member in local.members(local.plain(local.refers_to(variable))):
            names.add(member.name)
            meant = local.refers_to(local.plain(member.type))
            if member.name in NUMBERS:
                found[NUMBERS[member.name]] = local.element(local.plain(meant))[1]
            elif member.name in ("key", "value"):
                found[f"{member.name}_size"] = size_of(local, meant)
            elif member.name == "values":
                found["value_size"] = DESCRIPTOR
        number = found.get("number", 0)
        kind = types.get(number, _nameless(number)).lower()
        if "number" in found:
            yield ObjectMap(local.name(variable), kind, **found, typed={"key", "value"} <= names)


def size_of(btf: Btf, type_id: int) -> int:
    """Bytes that a type takes; 0 where that is not known."""
    count = 1
    for _ in range(MOST_DIMENSIONS):
        type_id = btf.plain(type_id)
        if btf.kind(type_id) is not BtfKind.ARRAY:
            break
        type_id, length = btf.element(type_id)
        count *= length
    if btf.kind(type_id) is BtfKind.PTR:
        return count * 8
    sized = btf.kind(type_id) in (*COMPOSITE, *ENUMERATIONS, BtfKind.INT, BtfKind.FLOAT)
    return count * btf.refers_to(type_id) if sized else 0
