"""The programs of a BPF object, each with what it uses of the object and of the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bpfdoctor.host.bpf.uapi import HELPERS, SLEEPABLE, XDP_HAS_FRAGS
from bpfdoctor.host.btf.names import names_of
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.elf.bpf_object import ObjectProgram
from bpfdoctor.host.elf.code import Code, Piece, Used
from bpfdoctor.host.elf.core import Core
from bpfdoctor.host.elf.externs import ObjectExtern
from bpfdoctor.host.elf.image import Image
from bpfdoctor.host.elf.reachable import Reachable
from bpfdoctor.host.elf.section_names import Named, named


def _flags(meant: Named) -> int:
    """What libbpf tells the kernel of it (sec_def_flags)."""
    sleepable = meant.sleepable or meant.type == "syscall"
    frags = meant.kind == "xdp.frags"
    return (SLEEPABLE if sleepable else 0) | (XDP_HAS_FRAGS if frags else 0)


def _plain(functions: Iterable[ObjectExtern]) -> tuple[str, ...]:
    """Their names as the kernel has them, without a flavour."""
    return tuple(sorted({each.plain_name for each in functions}))


class Programs:
    """The programs of one object. Raises ElfError where its code is not sound, TooLargeError."""

    def __init__(
        self, image: Image, core: Core, kernel: Btf | None, externs: Mapping[str, ObjectExtern]
    ) -> None:
        self.image, self.core, self.kernel, self.externs = image, core, kernel, externs
        self.helpers = names_of(kernel, "bpf_func_id", "BPF_FUNC_", HELPERS)
        self.reach = Reachable(image, core, externs)
        self.code = Code(image, self.reach)

    def described(self) -> Iterator[ObjectProgram]:
        """Each program, in the order of the file."""
        for piece in self.code.programs:
            used = self.code.used(piece)
            names = [self._extern(number) for number in used.called]
            yield self._program(piece, used, [each for each in names if each is not None])

    def _program(self, piece: Piece, used: Used, externs: list[ObjectExtern]) -> ObjectProgram:
        section, lacks = (
            self.image.names[piece.section],
            self.core.lacks_in(used.pieces, self.reach),
        )
        meant, numbers = named(section) or Named("", ""), tuple(sorted(used.helpers))
        unknown = [number for number in numbers if self.kernel and number not in self.helpers]
        functions = [each for each in externs if each.sort == "function"]
        lost = [each for each in functions if self.kernel and each.weak and not each.known]
        return ObjectProgram(
            name=piece.name,
            section=section,
            type=meant.type,
            kind=meant.kind,
            target=meant.target,
            sleepable=meant.sleepable,
            attach=meant.attach,
            flags=_flags(meant),
            helpers=tuple(self.helpers.get(number, f"helper {number}") for number in numbers),
            unknown_helpers=tuple(f"helper {number}" for number in unknown),
            numbers=numbers,
            functions=_plain(functions),
            unknown_functions=_plain(lost),
            relocations=len(lacks.asked),
            missing=tuple(lacks.every),
            spared=lacks.spared,
            absent=lacks.absent,
            guarded=any(self.reach.doubtful(each) for each in used.pieces),
        )

    def _extern(self, number: int) -> ObjectExtern | None:
        symbol = self.image.symbol(number)
        name = symbol.name.decode(errors="backslashreplace") if symbol else ""
        return self.externs.get(name)
