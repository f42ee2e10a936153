"""The programs of a BPF object, each with what it uses of the object and of the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.bpf.uapi import BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS
from bpfdoctor.host.btf.format import BtfKind
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.elf.bpf_object import ObjectProgram
from bpfdoctor.host.elf.code import Code, Function, References
from bpfdoctor.host.elf.constprop import Address, Number, Value
from bpfdoctor.host.elf.core import Core
from bpfdoctor.host.elf.externs import ObjectExtern
from bpfdoctor.host.elf.image import Image
from bpfdoctor.host.elf.linked import Linked
from bpfdoctor.host.elf.liveness import Reachable
from bpfdoctor.host.elf.maps import MAPS
from bpfdoctor.host.elf.section_names import Named, named

PROBE_READ_KERNEL = HELPERS["probe_read_kernel"]

OLDEST = {
    HELPERS[name].number: HELPERS[oldest].number
    for name, oldest in {
        "probe_read_user": "probe_read",
        "probe_read_kernel": "probe_read",
        "probe_read_user_str": "probe_read_str",
        "probe_read_kernel_str": "probe_read_str",
    }.items()
}
"""What libbpf writes in their place on a kernel that has them not."""

_TOLD = ("hash", "array", "perf_event_array", "ringbuf")
_KNOWN = {
    "bpf_func_id": {each.number: name for name, each in HELPERS.items()},
    "bpf_map_type": {MAP_TYPES[name].number: name for name in _TOLD},
}
"""Names where the kernel shows none. Of other types of maps nothing is known there."""


def names_of(kernel: Btf | None, enumeration: str, prefix: str) -> dict[int, str]:
    """The kernel's own names of numbers, from its BTF; few without."""
    if kernel is None:
        return _KNOWN[enumeration]
    found = kernel.find(enumeration, (BtfKind.ENUM,))
    pairs = [pair for each in found for pair in kernel.enumerators(each)]
    return {value: name.removeprefix(prefix) for name, value in reversed(pairs)}


def _flags(meant: Named) -> int:
    """What libbpf tells the kernel of it (sec_def_flags)."""
    sleepable = meant.sleepable or meant.type == "syscall"
    frags = meant.kind == "xdp.frags"
    return (BPF_F_SLEEPABLE if sleepable else 0) | (BPF_F_XDP_HAS_FRAGS if frags else 0)


def _filled(extern: ObjectExtern, *, sure: bool) -> Value:
    """What libbpf puts in the place of its address: zero for what no BTF has."""
    lost = sure and not extern.known and extern.sort in ("function", "variable")
    return Number(0) if lost else Address(extern.value)


class Programs:
    """The programs of one object. Raises ElfError where its code is not sound, TooLargeError."""

    def __init__(
        self, image: Image, core: Core, kernel: Btf | None, externs: Mapping[str, ObjectExtern]
    ) -> None:
        self.image, self.core, self.kernel, self.externs = image, core, kernel, externs
        self.helpers = names_of(kernel, "bpf_func_id", "BPF_FUNC_")
        told = [each for each in externs.values() if each.is_option or each.weak]
        sure = kernel is not None and not core.modules
        filled = {each.name.encode(): _filled(each, sure=sure) for each in told}
        self.reach = Reachable(image, core, filled)
        self.code = Code(image, self.reach)
        options = {each.name for each in externs.values() if each.is_option}
        self.linked = Linked(self.code, core, options)

    def described(self) -> Iterator[ObjectProgram]:
        """Each program, in the order of the file."""
        for piece in self.code.programs:
            used = self.code.used(piece)
            names = [self._extern(number) for number in used.called]
            yield self._program(piece, used, [each for each in names if each is not None])

    def _program(
        self, piece: Function, used: References, externs: list[ObjectExtern]
    ) -> ObjectProgram:
        section = self.image.names[piece.section]
        lacks = self.core.lacks_in(used.pieces, self.reach)
        meant, numbers = named(section) or Named("", ""), self._numbers(used)
        unknown = [number for number in numbers if self.kernel and number not in self.helpers]
        linked = self.linked.pieces(piece)
        functions = {each.name for each in externs if each.sort == "function"}
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
            functions=tuple(sorted(functions)),
            relocations=len(lacks.asked),
            missing=tuple(lacks.every),
            unreachable=lacks.unreachable,
            absent=lacks.absent,
            needs_module_btf=lacks.needs_module_btf,
            conditional=any(self.reach.doubtful(each) for each in used.pieces),
            context=self.reach.use(piece),
            newer=tuple((each.code, each.off, each.imm) for each in sorted(used.newer)),
            maps=tuple(sorted(self._maps(used))),
            data=self.linked.data(linked),
            fields=self.linked.fields(linked),
            asks=self.linked.asks(linked),
        )

    def _maps(self, used: References) -> Iterator[str]:
        """The maps that it names; one that is static has no name here."""
        for symbol in map(self.image.symbol, used.taken):
            names, inside = self.image.names, symbol.section if symbol else 0
            if symbol and symbol.name and inside < len(names) and names[inside] == MAPS:
                yield symbol.name.decode(errors="backslashreplace")

    def _numbers(self, used: References) -> tuple[int, ...]:
        """The helpers that it calls, as libbpf gives it to the kernel."""
        old = self.kernel is not None and PROBE_READ_KERNEL.number not in self.helpers
        return tuple(sorted({OLDEST.get(each, each) if old else each for each in used.helpers}))

    def _extern(self, number: int) -> ObjectExtern | None:
        symbol = self.image.symbol(number)
        name = symbol.name.decode(errors="backslashreplace") if symbol else ""
        return self.externs.get(name)
