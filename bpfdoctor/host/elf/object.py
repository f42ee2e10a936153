"""Facts of an ELF object: what a compiler really wrote."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from bpfdoctor.host.published import not_read
from bpfdoctor.host.question import OF_ITS_PATH, Answer, NoAnswer, Question
from bpfdoctor.host.reading import opened_regular, read_regular

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

BTF_MAGIC = 0xEB9F
"""First two bytes of `.BTF` and `.BTF.ext`, in the object's byte order (linux/btf.h)."""


class ObjectFacts(msgspec.Struct, frozen=True):
    """An ELF object. `machine` is as in elf.h (`EM_BPF`), `relocations` the CO-RE ones.

    `btf`: it has a `.BTF` section that begins as BTF does.
    """

    machine: str
    endian: Literal["little", "big"]
    sections: tuple[str, ...]
    btf: bool
    relocations: int


class Executable(Answer, frozen=True):
    """What an ELF file is for: `machine` as in elf.h (`EM_X86_64`), `bits` 32 or 64."""

    machine: str
    bits: int
    endian: Literal["little", "big"]

    def shown(self) -> str:
        return f"a {self.bits}-bit {self.endian}-endian {self.machine} executable"


class AskExecutable(Question[Executable], frozen=True):
    """Which machine the executable at `path` is for, by its ELF header; it is not run."""

    path: str
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> Executable | NoAnswer:
        try:
            header = read_regular(self.path, 20)
            return _executable(header) or NoAnswer("refused", "not an ELF executable")
        except (OSError, ValueError) as error:
            return not_read(error)

    def command(self) -> str:
        return f"readelf -h {self.path}"


def _executable(header: bytes) -> Executable | None:
    """The first fields of `Elf64_Ehdr`, which are those of `Elf32_Ehdr` too (elf.h)."""
    bits, order = ({1: 32, 2: 64}.get(header[4]), header[5]) if len(header) == 20 else (None, 0)
    if header[:4] != b"\x7fELF" or bits is None or order not in (1, 2):
        return None
    kind, number = struct.unpack_from("<HH" if order == 1 else ">HH", header, 16)
    if kind not in (2, 3):  # ET_EXEC, ET_DYN
        return None
    return Executable(machine_name(number), bits, "little" if order == 1 else "big")


COMMON = {3: "EM_386", 21: "EM_PPC64", 22: "EM_S390", 40: "EM_ARM", 62: "EM_X86_64",
          183: "EM_AARCH64", 243: "EM_RISCV", 247: "EM_BPF"}  # fmt: skip
"""Machines by their number in elf.h: for these pyelftools, which takes 30 ms to import, need not
be asked."""


def machine_name(number: int) -> str:
    """What elf.h calls a machine: `EM_X86_64`."""
    if number in COMMON:
        return COMMON[number]
    from elftools.elf.enums import ENUM_E_MACHINE  # costs start-up time

    names = [name for name, value in ENUM_E_MACHINE.items() if value == number]
    return names[0] if names else f"machine {number}"


def object_facts(path: Path) -> ObjectFacts | None:
    """The facts of the object at `path`; None where there is none, or it is not sound ELF."""
    from elftools.elf.elffile import ELFFile  # costs a tenth of a second

    try:
        with opened_regular(str(path)) as file:
            elf = ELFFile(file)
            data = {section.name: section for section in elf.iter_sections() if section.name}
            order: Literal["<", ">"] = "<" if elf.little_endian else ">"
            btf, ext = (data[name].data() if name in data else b"" for name in (".BTF", ".BTF.ext"))
            return ObjectFacts(
                machine=str(elf["e_machine"]),
                endian="little" if elf.little_endian else "big",
                sections=tuple(data),
                btf=_begins(btf, order),
                relocations=core_relocations(ext, order),
            )
    except Exception:  # noqa: BLE001  (pyelftools raises whatever its parsers do on unsound bytes)
        return None


def core_relocations(ext: bytes, order: Literal["<", ">"]) -> int:
    """How many CO-RE relocations a `.BTF.ext` section holds; 0 for one that is cut or unsound.

    `struct btf_ext_header` (linux Documentation/bpf/btf.rst): magic, version, flags, hdr_len, then
    offset and length of func_info, line_info and, where hdr_len reaches that far, core_relo;
    offsets count from the header's end. The sub-section is a record size, then for each section
    of the object its name, its number of records, and the records.
    """
    if not _begins(ext, order) or len(ext) < 32:
        return 0
    (header,) = struct.unpack_from(order + "I", ext, 4)
    offset, length = struct.unpack_from(order + "II", ext, 24)
    if header < 32 or length < 4 or header + offset + length > len(ext):
        return 0
    part = ext[header + offset : header + offset + length]
    (size,) = struct.unpack_from(order + "I", part)
    return _records(part, size, order)


def _records(part: bytes, size: int, order: Literal["<", ">"]) -> int:
    place, found = 4, 0
    while place + 8 <= len(part):
        (count,) = struct.unpack_from(order + "I", part, place + 4)
        place += 8 + count * size
        if place > len(part):
            return 0
        found += count
    return found


def _begins(section: bytes, order: Literal["<", ">"]) -> bool:
    return len(section) >= 8 and struct.unpack_from(order + "H", section) == (BTF_MAGIC,)
