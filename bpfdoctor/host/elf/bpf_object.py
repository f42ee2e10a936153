"""The question what a compiled BPF object needs, held against this kernel's BTF."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.btf.file import VMLINUX
from bpfdoctor.host.btf.format import BtfError
from bpfdoctor.host.elf.context import ContextUse
from bpfdoctor.host.elf.externs import ObjectExtern
from bpfdoctor.host.elf.image import TooLargeError
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.host.elf.section import ElfError
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class ObjectProgram(msgspec.Struct, frozen=True):
    """A program of an object: its section, and what its name says (empty where libbpf knows none).

    `helpers` are the kernel functions that it calls by number, `numbers` the same in that order;
    `functions` are those that it calls by name. `relocations` counts those that need the kernel's
    BTF. `missing` is what this kernel's BTF lacks for them; `spared` holds those of `missing` that
    are never reached, by what the program itself asks; `absent` those that are a whole type, which
    a module may have. `sought`: it names a type that is looked for in modules. `guarded`: less of
    it may be reached than is seen here, for it goes by what it is told when it is loaded (options,
    weak names, constants, what it asks of the kernel's BTF). `attach` and `flags` are what the
    kernel is told of it when it is loaded; `context` what it does with what the kernel gives it.
    `newer` are instructions that not every kernel knows: opcode, offset and number of each; `maps`
    the names of those that it uses.
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
    spared: tuple[str, ...] = ()
    sleepable: bool = False
    numbers: tuple[int, ...] = ()
    functions: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    guarded: bool = False
    attach: int = 0
    flags: int = 0
    context: ContextUse = ContextUse()
    sought: bool = False
    newer: tuple[tuple[int, int, int], ...] = ()
    maps: tuple[str, ...] = ()


def target_of(program: ObjectProgram) -> str:
    """What it attaches to, as in SEC() (`fentry.s/vfs_unlink`); empty where that names nothing."""
    kind = f"{program.kind}.s" if program.sleepable else program.kind
    return f"{kind}/{program.target}" if program.target else ""


LOADED_FOR = ("fentry", "fexit", "fmod_ret", "iter", "lsm", "tp_btf")
"""Kinds whose programs are loaded for their target, by its id in the kernel's BTF."""


def loaded_for(program: ObjectProgram) -> str:
    """What it is loaded for, as in SEC(); empty where it is for anything, or for nothing named."""
    return target_of(program) if program.kind in LOADED_FOR else ""


class BpfObject(Answer, frozen=True):
    """A compiled BPF object. `kernel_btf`: this kernel's BTF could be read and was asked;
    `modules`: modules of the kernel have BTF as well, which was not.

    `old_maps`: it defines maps as no libbpf since 1.0 reads them. `needs_btf`: it has what libbpf
    reads from its own BTF (maps, structs of functions, externs).
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
        from bpfdoctor.host.elf.bpf_reader import read_object  # costs start-up time

        try:
            facts = Path(self.path).stat()
            if not stat.S_ISREG(facts.st_mode):
                return NoAnswer("refused", "not a regular file")
            return read_object(self.path, self.btf)
        except TooLargeError as wrong:
            return NoAnswer("too-large", str(wrong))
        except (ElfError, BtfError) as wrong:
            return NoAnswer("refused", str(wrong))
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))

    def source(self) -> str:
        return f"$ llvm-readelf -S -s -r {self.path}"
