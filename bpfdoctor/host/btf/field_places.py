"""The questions where members of the kernel's structs lie, and what its functions are given."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.btf.file import VMLINUX
from bpfdoctor.host.btf.format import COMPOSITE, BtfError, BtfKind, Member
from bpfdoctor.host.btf.kernel_types import _fact, _unsound
from bpfdoctor.host.btf.matching import members_of
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

DEPTH = 16
"""Structs in structs, and dimensions of arrays, that are followed."""


class FieldPlace(msgspec.Struct, frozen=True):
    """Where a member lies in a struct: `offset` in bytes, None for no such member, or for several
    structs of that name that differ. `bits`: the first and the number of its bits from there, for
    a bit-field. `size`: its bytes, 0 where that is not told.

    `struct`: there is such a struct. `target`: the struct that the member points to. `shared`: a
    struct that lies at the same address, or in it, has a member of this name too, so that the name
    alone does not tell which is meant.
    """

    struct: bool = False
    offset: int | None = None
    size: int = 0
    bits: tuple[int, int] = (0, 0)
    target: str = ""
    shared: bool = False


class FieldPlaces(Answer, frozen=True):
    """The places of members, in the order in which they were asked for."""

    places: tuple[FieldPlace, ...] = ()

    def shown(self) -> str:
        return ", ".join(_shown(each) for each in self.places)


def _shown(place: FieldPlace) -> str:
    if not place.struct:
        return "no such struct"
    return "no such member" if place.offset is None else f"at {place.offset}"


class AskFieldPlaces(Question[FieldPlaces], frozen=True):
    """Where the kernel's structs have these members: each a struct's name and `a` or `a.b`, or
    nothing, where only the struct is asked for.

    Members of unnamed parts count as the struct's own, as they do in C.
    """

    fields: tuple[tuple[str, str], ...]
    path: str = VMLINUX

    asks = "kernel"

    def put(self, machine: Machine) -> FieldPlaces | NoAnswer:
        return _fact(machine, self, FieldPlaces, self._facts, _all_there, path=self.path)

    def _facts(self, found: Btf | BtfError) -> FieldPlaces | NoAnswer:
        if isinstance(found, BtfError):
            return _unsound(found)
        outer = _Outer(found)
        return FieldPlaces(tuple(_place(found, outer, *each) for each in self.fields))

    def command(self) -> str:
        structs = dict.fromkeys(struct for struct, _ in self.fields)
        words = " ".join(f"-e '^struct {each} {{'" for each in structs)
        return f"bpftool btf dump file {self.path} format c | grep -A999 {words}"


def _all_there(facts: FieldPlaces) -> bool:
    return all(each.offset is not None for each in facts.places)


class ParameterStructs(Answer, frozen=True):
    """The struct that each parameter of a function points to, empty for none; `returned` likewise.

    `found`: there is such a function.
    """

    found: bool
    parameters: tuple[str, ...] = ()
    returned: str = ""

    def shown(self) -> str:
        structs = ", ".join(each or "no struct" for each in self.parameters)
        return f"({structs})" if self.found else "no such function"


class AskParameterStructs(Question[ParameterStructs], frozen=True):
    """What structs a function of the kernel is given pointers to, and returns one to.

    Of a tracepoint (`btf_trace_NAME`, a typedef of the function that it calls) those that a program
    is given: without the first, which is the kernel's own.
    """

    name: str
    path: str = VMLINUX

    asks = "kernel"

    def put(self, machine: Machine) -> ParameterStructs | NoAnswer:
        def there(facts: ParameterStructs) -> bool:
            return facts.found

        return _fact(machine, self, ParameterStructs, self._facts, there, path=self.path)

    def _facts(self, found: Btf | BtfError) -> ParameterStructs | NoAnswer:
        if isinstance(found, BtfError):
            return _unsound(found)
        function = found.function(self.name)
        if function:
            types, returned = found.parameters(function), found.refers_to(found.refers_to(function))
            structs = tuple(_pointed_to(found, each) for each in types)
            return ParameterStructs(True, structs, _pointed_to(found, returned))
        for typedef in found.find(self.name, (BtfKind.TYPEDEF,)):
            types = found.parameters(found.plain(found.refers_to(found.plain(typedef))))
            return ParameterStructs(True, tuple(_pointed_to(found, each) for each in types[1:]))
        return ParameterStructs(False)

    def command(self) -> str:
        return f"bpftool btf dump file {self.path} | grep -A9 -w '{self.name}'"


def _pointed_to(btf: Btf, type_id: int) -> str:
    """The struct or union that a type points to; empty for none."""
    plain = btf.plain(type_id)
    inner = btf.plain(btf.refers_to(plain)) if btf.kind(plain) is BtfKind.PTR else 0
    forward = btf.kind(inner) is BtfKind.FWD
    return btf.name(inner) if forward or btf.kind(inner) in COMPOSITE else ""


def _place(btf: Btf, outer: _Outer, struct: str, path: str) -> FieldPlace:
    structs = list(btf.find(struct, COMPOSITE))
    found = {_in_struct(btf, each, path.split(".")[:DEPTH]) for each in structs}
    if len(found) != 1 or not path:
        return FieldPlace(struct=bool(structs))
    place = found.pop()
    if place.offset is None:
        return place
    name, others = path.partition(".")[0], chain(_within(btf, structs[0]), outer.of(structs[0]))
    shared = any(name in members_of(btf, each) for each in others)
    return msgspec.structs.replace(place, shared=shared)


def _in_struct(btf: Btf, struct: int, names: list[str]) -> FieldPlace:
    start, here, member = 0, struct, None
    for name in names:
        member = _member(btf, here, name)
        if member is None:
            return FieldPlace(struct=True)
        start, here = start + member.offset, btf.plain(member.type)
    if member is None:
        return FieldPlace(struct=True)
    bits = (start % 8, member.bits) if member.bits else (0, 0)
    target = _pointed_to(btf, member.type)
    return FieldPlace(True, start // 8, _size(btf, member.type), bits, target)


def _member(btf: Btf, struct: int, name: str) -> Member | None:
    """A member by its name; its offset counts from the struct's beginning, in bits."""
    met, left = {struct}, [(struct, 0)]
    while left:
        outer, start = left.pop()
        for member in btf.members(outer):
            inner = btf.plain(member.type)
            if member.name == name:
                return msgspec.structs.replace(member, offset=start + member.offset)
            if not member.name and inner not in met:
                met.add(inner)
                left.append((inner, start + member.offset))
    return None


def _size(btf: Btf, type_id: int) -> int:
    """The bytes of a type; 0 where they are not told."""
    count = 1
    for _ in range(DEPTH):
        plain = btf.plain(type_id)
        kind = btf.kind(plain)
        if kind is BtfKind.PTR:
            return 8 * count
        if kind is not BtfKind.ARRAY:
            sized = (*COMPOSITE, BtfKind.ENUM, BtfKind.ENUM64, BtfKind.FLOAT)
            whole = btf.refers_to(plain) if kind in sized else btf.integer(plain)[0]
            return whole * count
        type_id, elements = btf.element(plain)
        count *= elements
    return 0


def _within(btf: Btf, struct: int) -> Iterator[int]:
    """The structs that lie in this one by a name, at any depth."""
    met, left = {struct}, [struct]
    while left:
        for member in btf.members(left.pop()):
            inner = btf.plain(member.type)
            if btf.kind(inner) in COMPOSITE and inner not in met:
                met.add(inner)
                left.append(inner)
                if member.name:
                    yield inner


class _Outer:
    """Which structs begin with another one."""

    def __init__(self, btf: Btf) -> None:
        self.btf = btf

    @cached_property
    def _by_first(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for each in range(1, len(self.btf) + 1):
            struct = self.btf.kind(each) is BtfKind.STRUCT
            member = self.btf.member(each, 0) if struct else None
            if member is not None:
                found.setdefault(self.btf.plain(member.type), []).append(each)
        return found

    def of(self, struct: int) -> Iterator[int]:
        """Those that begin with this one, or with one that does."""
        met, left = {struct}, [struct]
        while left:
            for outer in self._by_first.get(left.pop(), ()):
                if outer not in met:
                    met.add(outer)
                    left.append(outer)
                    yield outer
