"""What a kernel adds to what is known of an object by itself, and the two in one."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.context import ContextUse
from bpfdoctor.host.question import Answer

Part = TypeVar("Part", bound=msgspec.Struct)
Whole = TypeVar("Whole", bound=msgspec.Struct)


class ProgramMatch(msgspec.Struct, frozen=True):
    """A program held against a kernel's BTF; the fields are those of `ObjectProgram`.

    What it calls and uses is in here too: the kernel decides what of its code is reached.
    """

    name: str
    section: str
    helpers: tuple[str, ...] = ()
    unknown_helpers: tuple[str, ...] = ()
    relocations: int = 0
    missing: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    functions: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    conditional: bool = False
    context: ContextUse = ContextUse()
    needs_module_btf: bool = False
    newer: tuple[tuple[int, int, int], ...] = ()
    maps: tuple[str, ...] = ()


class ExternMatch(msgspec.Struct, frozen=True):
    """A name that is declared extern: whether the kernel's BTF has it, and an option's value."""

    name: str
    known: bool = False
    value: int | None = None


class MapMatch(msgspec.Struct, frozen=True):
    """A map by its name and the number of its type, and the kernel's name of that type."""

    name: str
    number: int
    type: str


class KernelMatch(Answer, frozen=True):
    """What a kernel adds to an object; `kernel_btf` and `modules` as in `BpfObject`.

    Programs, externs and maps are in the order of the object.
    """

    programs: tuple[ProgramMatch, ...]
    externs: tuple[ExternMatch, ...] = ()
    maps: tuple[MapMatch, ...] = ()
    kernel_btf: bool = False
    modules: bool = False

    def shown(self) -> str:
        if not self.kernel_btf:
            return "the kernel has no BTF to hold it against"
        lines = (f"{each.name} ({each.section}): {_shown(each)}" for each in self.programs)
        return "\n".join(lines)


def _shown(program: ProgramMatch) -> str:
    return "; ".join((*program.missing, *program.unknown_helpers)) or "nothing is missing"


def match_of(whole: BpfObject) -> KernelMatch:
    """What of an object that was held against a kernel is the kernel's."""
    return KernelMatch(
        programs=tuple(_part(ProgramMatch, each) for each in whole.programs),
        externs=tuple(_part(ExternMatch, each) for each in whole.externs),
        maps=tuple(_part(MapMatch, each) for each in whole.maps),
        kernel_btf=whole.kernel_btf,
        modules=whole.modules,
    )


def of_itself(whole: BpfObject) -> BpfObject:
    """An object as it was recorded with a kernel, where nothing tells what was its own.

    Before it was told which programs refer to global data, all of an object that has some did.
    """
    told = any(each.data for each in whole.programs)
    data = {} if told else {"data": whole.global_data}
    programs = tuple(msgspec.structs.replace(each, **data) for each in whole.programs)
    return msgspec.structs.replace(whole, programs=programs, alone=True)


def joined(alone: BpfObject, match: KernelMatch) -> BpfObject:
    """An object and what a kernel adds to it: the answer of `AskBpfObject`.

    The object alone where the two are not of the same: one that was built anew in between.
    """
    if not _of_the_same(alone, match):
        return alone
    return msgspec.structs.replace(
        alone,
        programs=tuple(map(_with, alone.programs, match.programs)),
        externs=tuple(map(_with, alone.externs, match.externs)),
        maps=tuple(map(_with, alone.maps, match.maps)),
        kernel_btf=match.kernel_btf,
        modules=match.modules,
        alone=False,
    )


def _of_the_same(alone: BpfObject, match: KernelMatch) -> bool:
    """By names, by sections of programs, and by numbers of types of maps."""
    programs = [(each.name, each.section) for each in alone.programs]
    maps = [(each.name, each.number) for each in alone.maps]
    return (
        programs == [(each.name, each.section) for each in match.programs]
        and [each.name for each in alone.externs] == [each.name for each in match.externs]
        and maps == [(each.name, each.number) for each in match.maps]
    )


def _part(kind: type[Part], whole: msgspec.Struct) -> Part:
    """Of `whole` the fields that `kind` has."""
    return kind(**{name: getattr(whole, name) for name in kind.__struct_fields__})


def _with(alone: Whole, match: msgspec.Struct) -> Whole:
    """`alone` with what `match` says of the same fields."""
    said = {name: getattr(match, name) for name in match.__struct_fields__}
    return msgspec.structs.replace(alone, **said)
