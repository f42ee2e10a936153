"""The BPF program in an ELF object that clang wrote: instructions, and where they name the map."""

from __future__ import annotations

import io
from typing import Any

import msgspec

from bpfdoctor.host.bpf.asm import STEP
from bpfdoctor.host.bpf.counting import KEY, VALUE
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.elf.maps import MAPS, maps

MACHINE_BPF = "EM_BPF"

RELOCATION_MAP = 1
"""R_BPF_64_64: a 64-bit load of an address, in Linux's use of a map."""

THE_MAP = (MAP_TYPES["array"].number, len(KEY), VALUE.size, 1, 0)
"""The embedded program's map: array, key and value size, entries, flags; see host/bpf/fire.py."""


class UnsoundObjectError(Exception):
    """Not an object as our source makes it; the message says in what."""


class RawProgram(msgspec.Struct, frozen=True):
    """A program: `code` in hexadecimal, `map_references` the instructions that name the map."""

    section: str
    code: str
    map_references: tuple[int, ...]


def program_in(data: bytes, section: str) -> RawProgram:
    """The program in `section` of an object. Raises UnsoundObjectError."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(io.BytesIO(data))
        machine = str(elf["e_machine"])
        if machine != MACHINE_BPF:
            raise UnsoundObjectError(f"an object for {machine}, not for BPF")
        code = elf.get_section_by_name(section)
        if code is None:
            raise UnsoundObjectError(f"no section {section}")
        _refuse_other_map(elf)
        references = _map_references(elf, section)
        return RawProgram(section, code.data().hex(), references)
    except (ELFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UnsoundObjectError(f"not a sound ELF file: {error}") from error


def _refuse_other_map(elf: Any) -> None:
    types = elf.get_section_by_name(".BTF")
    found = list(maps(Btf(types.data()), {})) if types else []
    defined = [(m.number, m.key_size, m.value_size, m.entries, m.flags) for m in found]
    if defined != [THE_MAP]:
        raise UnsoundObjectError(f"section {MAPS} does not hold the one map expected")


def _map_references(elf: Any, section: str) -> tuple[int, ...]:
    relocations = elf.get_section_by_name(f".rel{section}")
    symbols = elf.get_section_by_name(".symtab")
    found: list[int] = []
    for entry in relocations.iter_relocations() if relocations else ():
        symbol = symbols.get_symbol(entry["r_info_sym"])
        index = symbol["st_shndx"]
        where = elf.get_section(index).name if isinstance(index, int) else index
        if entry["r_info_type"] != RELOCATION_MAP or where != MAPS:
            raise UnsoundObjectError(f"a relocation against {symbol.name or where}, not the map")
        found.append(entry["r_offset"] // STEP)
    return tuple(sorted(found))
