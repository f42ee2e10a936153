"""Reads a compiled BPF object; see `bpfdoctor.host.elf.bpf_object` for what of it is told.

Whatever the file holds, reading it ends in a `BpfObject` or in one of the errors that are named
here, within 200 MB of memory: what is read is bounded (`image.MOST_READ`), and so is how often.
"""

from __future__ import annotations

import sys

from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.btf.file import modules_have_btf, open_btf
from bpfdoctor.host.btf.format import BtfError
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.core import Core
from bpfdoctor.host.elf.externs import externs
from bpfdoctor.host.elf.image import Image, TooLargeError
from bpfdoctor.host.elf.linked import DATA, is_data
from bpfdoctor.host.elf.maps import MAPS, OLD_MAPS, maps
from bpfdoctor.host.elf.object import machine_name
from bpfdoctor.host.elf.programs import Programs, names_of
from bpfdoctor.host.elf.section import ElfError, text_at
from bpfdoctor.host.reading import opened_regular

BPF = 247
"""EM_BPF of elf.h."""

RELOCATABLE = 1
"""ET_REL of elf.h, of which alone libbpf takes an object."""

MOST_LICENSE = 127
"""Bytes of a licence that the kernel looks at (bpf_prog_load of kernel/bpf/syscall.c)."""

MAP_TYPE_NAMES = {each.number: name for name, each in MAP_TYPES.items()}
"""Names of types of maps, whichever kernel has them."""

OPERATIONS = ".struct_ops"
"""What the name begins with of a section that becomes a struct of functions."""


class NotAnObjectError(ElfError):
    """The file is no BPF object; the message says what it is."""


def read_object(path: str, btf: str | None) -> BpfObject:
    """The facts of an object, held against the BTF at `btf` where that can be read.

    None: they are of the object alone, and nothing of this machine's kernel is in them.

    Raises ElfError or BtfError for what is no sound object, TooLargeError, or OSError.
    """
    with opened_regular(path) as file:
        try:
            image = Image(file)
        except TooLargeError:
            raise
        except ElfError as wrong:
            raise NotAnObjectError(f"not ELF: {wrong}") from None
        _hold_to_bpf(image)
        if btf is None:
            return _facts(image, None, modules=False, alone=True)
        return _facts(image, _kernel(btf), modules=modules_have_btf(btf))


def _hold_to_bpf(image: Image) -> None:
    if image.machine != BPF:
        raise NotAnObjectError(f"an object for {machine_name(image.machine)}, not for BPF")
    if image.layout.word != 8 or image.type != RELOCATABLE:
        raise NotAnObjectError("no relocatable ELF file of 64 bits, as clang -c makes it")
    order = "little" if image.layout.order == "<" else "big"
    if order != sys.byteorder:
        raise NotAnObjectError(f"an object of {order} endian, and this machine is not")


def _kernel(path: str) -> Btf | None:
    try:
        return open_btf(path)
    except (BtfError, OSError):
        return None


def _facts(image: Image, kernel: Btf | None, *, modules: bool, alone: bool = False) -> BpfObject:
    local = _own_btf(image)
    declared = {each.name: each for each in externs(image, local, kernel, alone=alone)}
    programs = Programs(image, Core(image, local, kernel, modules), kernel, declared)
    if not programs.code.programs:
        raise NotAnObjectError("it has no BPF programs")
    types = MAP_TYPE_NAMES if alone else names_of(kernel, "bpf_map_type", "BPF_MAP_TYPE_")
    operations = any(name.startswith(OPERATIONS) for name in image.names)
    return BpfObject(
        programs=tuple(programs.described()),
        maps=tuple(maps(local, types) if local else ()),
        btf=local is not None,
        kernel_btf=kernel is not None,
        global_data=any(name.startswith(DATA) for name in image.names),
        license=text_at(image.named("license"), 0)[:MOST_LICENSE].decode(errors="backslashreplace"),
        needs_btf=bool(declared) or operations or MAPS in image.names,
        externs=tuple(declared.values()),
        modules=modules,
        old_maps=OLD_MAPS in image.names,
        alone=alone,
        btf_kinds=tuple(kind.name for kind in local.kinds()) if local else (),
        unlinkable=tuple(image.unlinkable_data()),
        named_data=_named_data(image),
    )


def _named_data(image: Image) -> tuple[str, ...]:
    names = {image.names[each] for each in image.named_by_code()}
    return tuple(sorted(name for name in names if is_data(name) and name not in DATA))


def _own_btf(image: Image) -> Btf | None:
    data = image.named(".BTF")
    try:
        return Btf(data) if data else None
    except BtfError as wrong:
        raise NotAnObjectError(f"its .BTF is unsound: {wrong}") from None
