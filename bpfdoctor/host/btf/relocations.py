"""CO-RE relocations of a BPF object, and whether a kernel's BTF can answer them.

The rules are libbpf's (bpf_core_apply_relo of relo_core.c): a type is looked up by its name
without `___flavour`, each named step of an access by name, each array step by its bounds.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum

import msgspec

from bpfdoctor.host.btf.format import COMPOSITE, ENUMERATIONS, MAGIC, Kind, Member
from bpfdoctor.host.btf.reader import Btf

DEPTH = 16
"""How many dimensions of an array are followed."""


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


OF_FIELD = (0, 1, 2, 3, 4, 5)
OF_TYPE = (7, 8, 9, 12)
OF_ENUMERATOR = (10, 11)
ASKS = (2, 7, 8, 9, 10, 12)
"""Kinds whose answer may be no: the program asks whether something exists, or how large it is
(libbpf answers 0 for the size and the id of a type that is not there)."""


class Relocation(msgspec.Struct, frozen=True):
    """One relocation: in which section and at which byte, of which local type, and what."""

    section: str
    offset: int
    type: int
    access: str
    kind: int


def relocations(ext: bytes, local: Btf) -> Iterator[Relocation]:
    """The CO-RE relocations in a `.BTF.ext` section; none of one that is cut or unsound."""
    order = "<" if local.header.endianness == "little" else ">"
    if len(ext) < 32 or struct.unpack_from(order + "H", ext) != (MAGIC,):
        return
    (header,) = struct.unpack_from(order + "I", ext, 4)
    offset, length = struct.unpack_from(order + "II", ext, 24)
    part = ext[header + offset : header + offset + length]
    if header < 32 or len(part) != length or length < 4:
        return
    (size,) = struct.unpack_from(order + "I", part)
    at = 4
    while size >= 16 and at + 8 <= length:
        name, count = struct.unpack_from(order + "II", part, at)
        at += 8
        for place in range(at, min(at + count * size, length - 15), size):
            instruction, type_id, access, kind = struct.unpack_from(order + "IIII", part, place)
            section, path = local.string(name), local.string(access)
            yield Relocation(section, instruction, type_id, path, kind)
        at += count * size


class Missing(msgspec.Struct, frozen=True):
    """What a kernel does not have: the type as written in C, and what of it (empty: all of it)."""

    type: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.type} has no {self.part}" if self.part else f"there is no {self.type}"


def unanswered(relocation: Relocation, local: Btf, kernel: Btf) -> Missing | None:
    """What the kernel's BTF lacks for this relocation; None where it can be answered."""
    kind, root = relocation.kind, relocation.type
    if kind == Relocate.TYPE_ID_LOCAL or kind not in (*OF_FIELD, *OF_TYPE, *OF_ENUMERATOR):
        return None
    candidates = list(_candidates(local, root, kernel))
    what = in_c(local, root)
    if not candidates:
        return Missing(what)
    if kind in OF_ENUMERATOR:
        return _enumerator(relocation, local, kernel, candidates)
    steps = _steps(relocation.access) if kind in OF_FIELD else []
    if len(steps) < 2:
        return None
    lacks = [_walk(local, root, kernel, candidate, steps[1:]) for candidate in candidates]
    return None if None in lacks else Missing(what, next(lack for lack in lacks if lack))


def _candidates(local: Btf, root: int, kernel: Btf) -> Iterator[int]:
    kind = local.kind(root)
    name = local.name(root).split("___")[0]
    kinds = ENUMERATIONS if kind in ENUMERATIONS else (kind,)
    return kernel.find(name, kinds)


def in_c(btf: Btf, type_id: int) -> str:
    """A type's name as C has it, without its flavour: `struct task_struct`."""
    words = {Kind.STRUCT: "struct ", Kind.UNION: "union "}
    word = "enum " if btf.kind(type_id) in ENUMERATIONS else words.get(btf.kind(type_id), "")
    return word + (btf.name(type_id).split("___")[0] or "(unnamed)")


def _steps(access: str) -> list[int]:
    """`0:1:2` as numbers; empty where it is no such path."""
    parts = access.split(":")
    sound = len(parts) <= 64 and all(part.isdecimal() and len(part) < 10 for part in parts)
    return [int(part) for part in parts] if sound else []


def _enumerator(
    relocation: Relocation, local: Btf, kernel: Btf, candidates: list[int]
) -> Missing | None:
    names = [name for name, _ in local.enumerators(local.plain(relocation.type))]
    steps = _steps(relocation.access)
    if not steps or steps[0] >= len(names):
        return None
    wanted = names[steps[0]].split("___")[0]
    found = (name for each in candidates for name, _ in kernel.enumerators(kernel.plain(each)))
    return None if wanted in found else Missing(in_c(local, relocation.type), wanted)


def _walk(local: Btf, here: int, kernel: Btf, there: int, steps: list[int]) -> str | None:
    """Follow an access in both; what the kernel's type lacks, or None for nothing."""
    path = ""
    for step in steps:
        here, there = local.plain(here), kernel.plain(there)
        if local.kind(here) is Kind.ARRAY:
            element, count = kernel.element(there)
            if not element or (count and step >= count):
                return f"{path}[{step}]"
            here, there = local.element(here)[0], element
            path += f"[{step}]"
            continue
        member = _nth(local, here, step)
        if member is None:
            return None  # not sound: libbpf refuses the object, not the kernel
        here = member.type
        if not member.name:
            continue  # an unnamed struct or union: what is named in it is looked for in the whole
        found = member_type(kernel, there, member.name)
        path += f".{member.name}" if path else f"field {member.name}"
        if found is None or not _alike(local, here, kernel, found):
            return path
        there = found
    return None


def _nth(btf: Btf, type_id: int, number: int) -> Member | None:
    return next((each for at, each in enumerate(btf.members(type_id)) if at == number), None)


def member_type(btf: Btf, struct_id: int, name: str) -> int | None:
    """The type of the member of this name; unnamed structs and unions are looked into once each."""
    met, left = {struct_id}, [struct_id]
    while left:
        for member in btf.members(left.pop()):
            if member.name == name:
                return member.type
            inner = btf.plain(member.type)
            if not member.name and inner not in met:
                met.add(inner)
                left.append(inner)
    return None


def _alike(local: Btf, here: int, kernel: Btf, there: int) -> bool:
    """libbpf's bpf_core_fields_are_compat: of one kind, whatever their sizes."""
    for _ in range(DEPTH):
        here, there = local.plain(here), kernel.plain(there)
        if local.kind(here) is not Kind.ARRAY or kernel.kind(there) is not Kind.ARRAY:
            break
        here, there = local.element(here)[0], kernel.element(there)[0]
    one, other = local.kind(here), kernel.kind(there)
    if one in COMPOSITE:
        return other in COMPOSITE
    if one not in ENUMERATIONS:
        return one is other
    names = {local.name(here).split("___")[0], kernel.name(there).split("___")[0]} - {""}
    return other in ENUMERATIONS and len(names) < 2
