"""What is known of a compiled BPF object, held against this kernel's BTF."""

from __future__ import annotations

import msgspec

from bpfdoctor.host.bpf.features.attach_types import BY_TARGET
from bpfdoctor.host.elf.context import ContextUse
from bpfdoctor.host.elf.externs import ObjectExtern
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.host.question import Answer


class ObjectProgram(msgspec.Struct, frozen=True):
    """A program of an object: its section, and what its name says (empty where libbpf knows none).

    `helpers` are the kernel functions that it calls by number, `numbers` the same in that order;
    `functions` are those that it calls by name. `relocations` counts those that need the kernel's
    BTF. `missing` is what this kernel's BTF lacks for them; `unreachable` holds those of `missing`
    that are never reached, by what the program itself asks; `absent` those that are a whole type,
    which a module may have. `needs_module_btf`: it names a type that is looked for in modules.
    `conditional`: less of it may be reached than is seen here, for it goes by what it is told when
    it is loaded (options, weak names, constants, what it asks of the kernel's BTF). `attach` and
    `flags` are what the kernel is told of it when it is loaded; `context` what it does with what
    the kernel gives it. `newer` are instructions that not every kernel knows: opcode, offset and
    number of each; `maps` the names of those that it uses. `data`: it refers to global data, or to
    options, which libbpf keeps in maps of its own; `fields` are the CO-RE accesses that no kernel
    answers without what they name: the type as in C, and the field (`a.b`) or the enumerator;
    `asks` are the types of which it asks what there is. All three are of all of its code, whichever
    kernel is asked. Snapshots keep the former names of
    `unreachable`, `conditional` and `needs_module_btf`.
    """

    name: str
    section: str
    type: str = ""
    kind: str = ""
    target: str = ""
    helpers: tuple[str, ...] = ()
    unknown_helpers: tuple[str, ...] = ()
    relocations: int = 0
    missing: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = msgspec.field(default=(), name="spared")
    sleepable: bool = False
    numbers: tuple[int, ...] = ()
    functions: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    conditional: bool = msgspec.field(default=False, name="guarded")
    attach: int = 0
    flags: int = 0
    context: ContextUse = ContextUse()
    needs_module_btf: bool = msgspec.field(default=False, name="sought")
    newer: tuple[tuple[int, int, int], ...] = ()
    maps: tuple[str, ...] = ()
    data: bool = False
    fields: tuple[tuple[str, str], ...] = ()
    asks: tuple[str, ...] = ()


def target_of(program: ObjectProgram) -> str:
    """What it attaches to, as in SEC() (`fentry.s/vfs_unlink`); empty where that names nothing."""
    kind = f"{program.kind}.s" if program.sleepable else program.kind
    return f"{kind}/{program.target}" if program.target else ""


def loaded_for(program: ObjectProgram) -> str:
    """What it is loaded for, as in SEC(); empty where it is for anything, or for nothing named."""
    return target_of(program) if program.kind in BY_TARGET else ""


class BpfObject(Answer, frozen=True):
    """A compiled BPF object. `kernel_btf`: this kernel's BTF could be read and was asked;
    `modules`: modules of the kernel have BTF as well, which was not. `alone`: it was read where
    the kernel is not that is judged, so that nothing of it was held against any.

    `old_maps`: it defines maps as no libbpf since 1.0 reads them. `needs_btf`: it has what libbpf
    reads from its own BTF (maps, structs of functions, externs). `btf_kinds` are the kinds of types
    in that (`DECL_TAG`), as far as they are told; `unlinkable` its sections of data that
    `bpftool gen object` refuses, `named_data` those of which its code takes something and that have
    names of their own (`.rodata.str1.1`).
    """

    programs: tuple[ObjectProgram, ...]
    maps: tuple[ObjectMap, ...]
    btf: bool
    kernel_btf: bool
    global_data: bool = False
    license: str = ""
    needs_btf: bool = False
    externs: tuple[ObjectExtern, ...] = ()
    modules: bool = False
    old_maps: bool = False
    alone: bool = False
    btf_kinds: tuple[str, ...] = ()
    unlinkable: tuple[str, ...] = ()
    named_data: tuple[str, ...] = ()

    def shown(self) -> str:
        lines = [f"{each.name} ({each.section}): {_shown(each)}" for each in self.programs]
        return "\n".join([*lines, *(f"map {each.name}: {each.type}" for each in self.maps)])


def _shown(program: ObjectProgram) -> str:
    count = f"{len(program.helpers)} helpers, {program.relocations} CO-RE relocations"
    return "; ".join((count, *program.missing))
