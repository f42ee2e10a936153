"""Reads a compiled BPF object; see `bpfdoctor.host.elf.bpf_object` for what of it is told."""

from __future__ import annotations

import bisect
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from bpfdoctor.host.bpf.uapi import HELPERS, MAP_TYPES
from bpfdoctor.host.btf.file import open_btf
from bpfdoctor.host.btf.format import BtfError, Kind
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import (
    ASKS,
    Relocate,
    Relocation,
    in_c,
    relocations,
    unanswered,
)
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectMap, ObjectProgram
from bpfdoctor.host.elf.section_names import OTHER_SECTIONS, named

CALL = 0x85
"""BPF_JMP | BPF_CALL; its source register is 0 for a helper, 1 for a function of the object."""
OWN_FUNCTION = -1
_KNOWN = {"bpf_func_id": HELPERS, "bpf_map_type": MAP_TYPES}


class NotAnObjectError(ValueError):
    """The file is no BPF object; the message says what it is."""


def read_object(path: str, btf: str) -> BpfObject:
    """The facts of an object, held against the BTF at `btf` where that can be read.

    Raises NotAnObjectError, OSError, or whatever pyelftools does on unsound bytes.
    """
    with open(path, "rb") as file:
        try:
            elf = ELFFile(file)
        except ELFError as error:
            raise NotAnObjectError(f"not ELF: {error}") from None
        if elf["e_machine"] != "EM_BPF":
            raise NotAnObjectError(f"an object for {elf['e_machine']}, not for BPF")
        if elf.little_endian != (sys.byteorder == "little"):
            order = "little" if elf.little_endian else "big"
            raise NotAnObjectError(f"an object of {order} endian, and this machine is not")
        return _Object(elf, os.fstat(file.fileno()).st_size, _kernel(btf)).facts()


def _kernel(path: str) -> Btf | None:
    try:
        return open_btf(path)
    except (BtfError, OSError):
        return None


class _Object:
    """One object, of `size` bytes; its sections are read when they are asked for."""

    def __init__(self, elf: Any, size: int, kernel: Btf | None) -> None:
        self.kernel, self.unread = kernel, size
        self.names = [each.name for each in elf.iter_sections()]
        self.found = {each.name: each for each in elf.iter_sections()}
        self.contents: dict[str, bytes] = {}
        self.helpers: dict[str, list[tuple[int, int]]] = {}
        symbols = elf.get_section_by_name(".symtab")
        self.symbols = list(symbols.iter_symbols()) if symbols else []

    def data(self, name: str) -> bytes:
        """What a section holds; nothing where there is none. All of them are within the file."""
        if name not in self.contents:
            self.contents[name] = _content(self.found[name]) if name in self.found else b""
            self.unread -= len(self.contents[name])
            if self.unread < 0:
                raise NotAnObjectError("its sections overlap")
        return self.contents[name]

    def facts(self) -> BpfObject:
        programs = tuple(self._programs())
        if not programs:
            raise NotAnObjectError("it has no BPF programs")
        return BpfObject(
            programs=programs,
            maps=tuple(self._maps()),
            btf=self.local is not None,
            kernel_btf=self.kernel is not None,
            global_data=any(name.startswith((".data", ".bss", ".rodata")) for name in self.names),
            license=self.data("license").rstrip(b"\0").decode(errors="backslashreplace"),
            defines_maps=".maps" in self.found,
            externs=tuple(self._externs()),
        )

    @cached_property
    def local(self) -> Btf | None:
        """The object's own BTF."""
        try:
            return Btf(self.data(".BTF")) if ".BTF" in self.found else None
        except BtfError as wrong:
            raise NotAnObjectError(f"its .BTF is unsound: {wrong}") from None

    @cached_property
    def relocations(self) -> tuple[Relocation, ...]:
        """Its CO-RE relocations that ask the kernel."""
        found = relocations(self.data(".BTF.ext"), self.local) if self.local else ()
        return tuple(each for each in found if each.kind != Relocate.TYPE_ID_LOCAL)

    def _lacks(self, used: Iterable[Relocation]) -> dict[str, str]:
        """What the kernel lacks for these relocations, each once, and of which type."""
        if self.kernel is None or self.local is None:
            return {}
        distinct = {(each.type, each.access, each.kind): each for each in used}
        lacks = (unanswered(each, self.local, self.kernel) for each in distinct.values())
        return {str(lack): lack.type for lack in lacks if lack is not None}

    def _programs(self) -> Iterator[ObjectProgram]:
        functions = list(self._functions())
        ends: dict[str, int] = {}
        for _, section, start, end in sorted(functions, key=lambda each: each[1:]):
            if start < ends.get(section, 0):
                raise NotAnObjectError(f"its programs in {section} overlap")
            ends[section] = end
        yield from (self._program(*each) for each in functions)

    def _functions(self) -> Iterator[tuple[str, str, int, int]]:
        """Name, section, first byte and end of each program."""
        for symbol in self.symbols:
            index = symbol["st_shndx"]
            if symbol["st_info"]["type"] == "STT_FUNC" and isinstance(index, int):
                section, start = self.names[index], symbol["st_value"]
                if section not in OTHER_SECTIONS:
                    yield symbol.name, section, start, start + symbol["st_size"]

    def _externs(self) -> Iterator[str]:
        """What the loader must find in the kernel; a weak name may be missing."""
        for symbol in self.symbols:
            if symbol["st_shndx"] == "SHN_UNDEF" and symbol["st_info"]["bind"] == "STB_GLOBAL":
                yield symbol.name

    def _program(self, name: str, section: str, start: int, end: int) -> ObjectProgram:
        calls = set(self._calls(section, start, end))
        pieces = [(section, start, end)]
        if OWN_FUNCTION in calls and ".text" in self.found:
            pieces.append((".text", 0, len(self.data(".text"))))
            calls |= set(self._calls(*pieces[1]))
        used = [each for each in self.relocations if _within(each, pieces)]
        known, helpers = self._names("bpf_func_id", "BPF_FUNC_"), sorted(calls - {OWN_FUNCTION})
        unknown = [number for number in helpers if self.kernel and number not in known]
        questions = [each for each in used if each.kind in ASKS]
        missing = self._lacks(each for each in used if each.kind not in ASKS)
        asked = self._lacks(questions)
        types = {in_c(self.local, each.type) for each in questions if self.local}
        meant = named(section)
        return ObjectProgram(
            name=name,
            section=section,
            type=meant.type if meant else "",
            kind=meant.kind if meant else "",
            target=meant.target if meant else "",
            helpers=tuple(known.get(number, f"helper {number}") for number in helpers),
            unknown_helpers=tuple(f"helper {number}" for number in unknown),
            relocations=len(used),
            missing=tuple(missing),
            asked=tuple(lack for lack in missing if lack in asked),
            asks=tuple(lack for lack in missing if lack not in asked and missing[lack] in types),
        )

    def _calls(self, section: str, start: int, end: int) -> Iterator[int]:
        """Numbers of the helpers that a piece of code calls; OWN_FUNCTION for one of its own."""
        if section not in self.helpers:
            self.helpers[section] = list(_calls_in(self.data(section)))
        calls = self.helpers[section]
        first, last = (bisect.bisect_left(calls, (at,)) for at in (start, end))
        yield from (number for _, number in calls[first:last])

    def _names(self, enumeration: str, prefix: str) -> dict[int, str]:
        """The kernel's own names of numbers, from its BTF; few or none without."""
        if self.kernel is None:
            return {number: name for name, number in _KNOWN[enumeration].items()}
        found = self.kernel.find(enumeration, (Kind.ENUM,))
        pairs = [pair for each in found for pair in self.kernel.enumerators(each)]
        return {value: name.removeprefix(prefix) for name, value in reversed(pairs)}

    def _maps(self) -> Iterator[ObjectMap]:
        """The maps in `.maps`; `__uint(type, N)` is a pointer to an array of N elements."""
        local, types = self.local, self._names("bpf_map_type", "BPF_MAP_TYPE_")
        for variable in local.variables(".maps") if local else ():
            assert local is not None
            for member in local.members(local.plain(local.refers_to(variable))):
                if member.name == "type":
                    _, number = local.element(local.plain(local.refers_to(member.type)))
                    kind = types.get(number, f"type {number}").lower()
                    yield ObjectMap(local.name(variable), kind)


def _calls_in(code: bytes) -> Iterator[tuple[int, int]]:
    """Where each call is, in order, and of which helper; OWN_FUNCTION for one of the object's."""
    for at in range(0, len(code) - 7, 8):
        if code[at] == CALL:
            registers, _, number = struct.unpack_from("=Bhi", code, at + 1)
            source = registers >> 4 if sys.byteorder == "little" else registers & 0xF
            yield at, number if source == 0 else OWN_FUNCTION


def _content(section: Any) -> bytes:
    """What is in the file; a compressed section, or one of zeros, could be of any size."""
    bare = section.compressed or section["sh_type"] == "SHT_NOBITS"
    return b"" if bare else bytes(section.data())


def _within(each: Relocation, pieces: list[tuple[str, int, int]]) -> bool:
    return any(each.section == name and start <= each.offset < end for name, start, end in pieces)
