"""Whether a kernel's BTF can answer what a BPF object asks of it.

The rules are libbpf's (bpf_core_apply_relo of relo_core.c): a type is looked up by its name
without `___flavour`, each named step of an access by name, each array step by its bounds.
"""

from __future__ import annotations

import msgspec

from bpfdoctor.host.btf.format import COMPOSITE, ENUMERATIONS, BtfKind
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import (
    ASKS,
    EXISTENCE,
    OF_ENUMERATOR,
    OF_FIELD,
    OF_TYPE,
    Asked,
    Relocate,
    steps_of,
)

DEPTH = 16
"""How many dimensions of an array are followed."""


class Missing(msgspec.Struct, frozen=True):
    """What a kernel does not have: the type as written in C, and what of it (empty: all of it)."""

    type: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.type} has no {self.part}" if self.part else f"there is no {self.type}"


def in_c(btf: Btf, type_id: int) -> str:
    """A type's name as C has it, without its flavour: `struct task_struct`."""
    words = {BtfKind.STRUCT: "struct ", BtfKind.UNION: "union "}
    word = "enum " if btf.kind(type_id) in ENUMERATIONS else words.get(btf.kind(type_id), "")
    return word + (plain_name(btf.name(type_id)) or "(unnamed)")


def plain_name(name: str) -> str:
    """A name in BTF without its flavour."""
    return name.partition("___")[0]


def members_of(btf: Btf, struct: int) -> dict[str, int]:
    """The type of each member by its name, those of unnamed structs and unions among them."""
    found: dict[str, int] = {}
    met, left = {struct}, [struct]
    while left:
        for member in btf.members(left.pop()):
            inner = btf.plain(member.type)
            if member.name:
                found.setdefault(member.name, member.type)
            elif inner not in met:
                met.add(inner)
                left.append(inner)
    return found


def place_of(btf: Btf, struct: int, name: str) -> int | None:
    """Where a member of a struct is, in bytes; unnamed parts are looked into."""
    met, left = {struct}, [(struct, 0)]
    while left and name:
        outer, start = left.pop()
        for member in btf.members(outer):
            inner = btf.plain(member.type)
            if member.name == name and not member.bits:
                return (start + member.offset) // 8
            if not member.name and inner not in met:
                met.add(inner)
                left.append((inner, start + member.offset))
    return None


class Matcher:
    """An object's types held against a kernel's; what was looked up once is kept."""

    def __init__(self, local: Btf, kernel: Btf) -> None:
        self.local, self.kernel = local, kernel
        self._candidates: dict[int, list[int]] = {}
        self._members: dict[int, dict[str, int]] = {}
        self._enumerators: dict[int, set[str]] = {}

    def lacks(self, asked: Asked) -> Missing | None:
        """What the kernel's BTF lacks for this; None where it can be answered."""
        if asked.kind not in (*OF_FIELD, *OF_TYPE, *OF_ENUMERATOR):
            return None
        candidates, what = self._named_like(asked.type), in_c(self.local, asked.type)
        if not candidates:
            return Missing(what)
        steps = steps_of(self.local.string(asked.access))
        if asked.kind in OF_ENUMERATOR:
            part = self._enumerator(asked.type, candidates, steps)
            return Missing(what, part) if part else None
        if asked.kind in OF_TYPE or len(steps) < 2:
            return None
        parts = [self._walk(asked.type, candidate, steps[1:]) for candidate in candidates]
        return None if None in parts else Missing(what, next(part for part in parts if part))

    def knows(self, type_id: int) -> bool:
        """The kernel has a type that this local one may stand for."""
        return bool(self._named_like(type_id))

    def place(self, asked: Asked) -> int | None:
        """Where a field of a struct is in the kernel's, in bytes; None where that is not simple."""
        steps, candidates = steps_of(self.local.string(asked.access)), self._named_like(asked.type)
        if asked.kind != Relocate.BYTE_OFFSET or len(steps) != 2 or len(candidates) != 1:
            return None
        member = self.local.member(self.local.plain(asked.type), steps[1])
        return place_of(self.kernel, candidates[0], member.name) if member else None

    def answer(self, asked: Asked, modules: bool) -> int | None:
        """What libbpf puts in the place of a question; None where that is not known.

        With `modules` a type that the kernel's own BTF has not may be that of a module.
        """
        missing = self.lacks(asked) if asked.kind in ASKS else None
        if missing is not None:
            return None if modules and not missing.part else 0
        plain = self.local.kind(asked.type) in (*COMPOSITE, *ENUMERATIONS)
        return 1 if asked.kind in EXISTENCE and plain else None

    def _named_like(self, root: int) -> list[int]:
        """The kernel's types that a local type may stand for."""
        if root not in self._candidates:
            kind = self.local.kind(root)
            kinds = ENUMERATIONS if kind in ENUMERATIONS else (kind,)
            found = self.kernel.find(plain_name(self.local.name(root)), kinds)
            self._candidates[root] = list(found)
        return self._candidates[root]

    def _enumerator(self, root: int, candidates: list[int], steps: list[int]) -> str:
        """The enumerator that no candidate has; empty where one has it."""
        pair = self.local.enumerator(self.local.plain(root), steps[0]) if steps else None
        wanted = plain_name(pair[0]) if pair else ""
        return "" if any(wanted in self._names(each) for each in candidates) else wanted

    def _names(self, enumeration: int) -> set[str]:
        if enumeration not in self._enumerators:
            pairs = self.kernel.enumerators(self.kernel.plain(enumeration))
            self._enumerators[enumeration] = {name for name, _ in pairs}
        return self._enumerators[enumeration]

    def _walk(self, here: int, there: int, steps: list[int]) -> str | None:
        """Follow an access in both; what the kernel's type lacks, or None for nothing."""
        path = ""
        for step in steps:
            here, there = self.local.plain(here), self.kernel.plain(there)
            if self.local.kind(here) is BtfKind.ARRAY:
                element, count = self.kernel.element(there)
                if not element or (count and step >= count):
                    return f"{path}[{step}]"
                here, there = self.local.element(here)[0], element
                path += f"[{step}]"
                continue
            member = self.local.member(here, step)
            if member is None:
                return None  # not sound: libbpf refuses the object, not the kernel
            here = member.type
            if not member.name:
                continue  # unnamed: what is named in it is looked for in the whole
            path += f".{member.name}" if path else f"field {member.name}"
            found = self._member(there, member.name)
            if found is None or not self._alike(here, found):
                return path
            there = found
        return None

    def _member(self, struct: int, name: str) -> int | None:
        if struct not in self._members:
            self._members[struct] = members_of(self.kernel, struct)
        return self._members[struct].get(name)

    def _alike(self, here: int, there: int) -> bool:
        """libbpf's bpf_core_fields_are_compat: of one kind, whatever their sizes."""
        local, kernel = self.local, self.kernel
        for _ in range(DEPTH):
            here, there = local.plain(here), kernel.plain(there)
            if local.kind(here) is not BtfKind.ARRAY or kernel.kind(there) is not BtfKind.ARRAY:
                break
            here, there = local.element(here)[0], kernel.element(there)[0]
        one, other = local.kind(here), kernel.kind(there)
        if one in COMPOSITE:
            return other in COMPOSITE
        if one not in ENUMERATIONS:
            return one is other
        names = {plain_name(local.name(here)), plain_name(kernel.name(there))} - {""}
        return other in ENUMERATIONS and len(names) < 2
