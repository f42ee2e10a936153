"""The question what a compiled BPF object needs, held against this kernel's BTF."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.btf.file import VMLINUX
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SIZE_LIMIT = 64 << 20
"""Bytes of an object that is read at most."""


class ObjectProgram(msgspec.Struct, frozen=True):
    """A program of an object: its section, and what its name says (empty where libbpf knows none).

    `helpers` are the kernel functions that it calls by number. `relocations` counts those that
    need the kernel's BTF. `missing` is what this kernel's BTF lacks for them; `asked` holds those
    of `missing` whose existence the program itself asks for, and can then do without; `asks` holds
    those of another part of a type that it asks about, which it may do without.
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
    asked: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


class ObjectMap(msgspec.Struct, frozen=True):
    """A map that an object defines; its type as the kernel's enum bpf_map_type has it."""

    name: str
    type: str


class BpfObject(Answer, frozen=True):
    """A compiled BPF object. `kernel_btf`: this kernel's BTF could be read and was asked.

    `defines_maps`: it has a section `.maps`, which its BTF describes. `externs` are the names that
    the loader must find in the kernel: functions, variables, options (`CONFIG_HZ`).
    """

    programs: tuple[ObjectProgram, ...]
    maps: tuple[ObjectMap, ...]
    btf: bool
    kernel_btf: bool
    global_data: bool = False
    license: str = ""
    defines_maps: bool = False
    externs: tuple[str, ...] = ()

    def shown(self) -> str:
        lines = [f"{each.name} ({each.section}): {_shown(each)}" for each in self.programs]
        return "\n".join([*lines, *(f"map {each.name}: {each.type}" for each in self.maps)])


def _shown(program: ObjectProgram) -> str:
    count = f"{len(program.helpers)} helpers, {program.relocations} CO-RE relocations"
    return "; ".join((count, *program.missing))


class AskBpfObject(Question[BpfObject], frozen=True):
    """The programs, maps, helpers and CO-RE relocations of an object, and which would fail here.

    NoAnswer `refused` with a sentence for a file that is no BPF object.
    """

    path: str
    btf: str = VMLINUX

    def put(self, machine: Machine) -> BpfObject | NoAnswer:
        from bpfdoctor.host.elf.bpf_reader import (  # costs start-up time
            NotAnObjectError,
            read_object,
        )

        try:
            facts = Path(self.path).stat()
            if not stat.S_ISREG(facts.st_mode):
                return NoAnswer("refused", "not a regular file")
            if facts.st_size > SIZE_LIMIT:
                return NoAnswer("too-large", f"more than {SIZE_LIMIT} bytes")
            return read_object(self.path, self.btf)
        except NotAnObjectError as wrong:
            return NoAnswer("refused", str(wrong))
        except OSError as error:
            return NoAnswer.from_error(error)
        except Exception as error:  # noqa: BLE001  (pyelftools raises whatever its parsers do)
            return NoAnswer("refused", f"not sound ELF: {error}")

    def source(self) -> str:
        return f"$ llvm-readelf -S -s -r {self.path}"
