"""What the types that an object brings say of its pointers: parameters, contexts, members."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bpfdoctor.host.btf.format import COMPOSITE, BtfKind
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import Asked, Relocate
from bpfdoctor.host.elf.code import Function
from bpfdoctor.host.elf.fixed_reads import RETURNED
from bpfdoctor.host.elf.kernel_pointers import Moved, Origin
from bpfdoctor.host.elf.maps import MAPS
from bpfdoctor.host.elf.section_names import Named as Meant

DEPTH = 8
"""Structs in structs that are looked into."""

MOST_MEMBERS = 4096
"""Members of a struct that are looked at, those of inner ones among them."""

_X86 = {
    **dict.fromkeys(("di", "rdi"), 0), **dict.fromkeys(("si", "rsi"), 1),
    **dict.fromkeys(("dx", "rdx"), 2), **dict.fromkeys(("cx", "rcx"), 3),
    "r8": 4, "r9": 5, **dict.fromkeys(("ax", "rax"), RETURNED),
}  # fmt: skip
"""Which parameter a register of `struct pt_regs` holds, by both of its names; returned: ax."""

ARM64_PARAMETERS = 8
"""Registers of parameters on arm64: the first of `struct user_pt_regs`; what is returned is in the
first of them."""

_WORDS = {
    "fentry": "{}", "fexit": "{}", "fmod_ret": "{}", "lsm": "bpf_lsm_{}",
    "tp_btf": "btf_trace_{}", "raw_tp": "btf_trace_{}",
}  # fmt: skip
"""Kinds whose context is their parameters, a word each, and what the kernel's BTF has those of."""

_PROBES = ("kprobe", "kretprobe")


def attached_to(meant: Meant) -> str:
    """The kernel's name of what a program is given the parameters of; empty without."""
    target = meant.target.partition("+")[0]
    plain = target.replace("_", "a").isalnum()
    named = {**_WORDS, **dict.fromkeys(_PROBES, "{}")}.get(meant.kind, "")
    return named.format(target) if plain else ""


def context_of(local: Btf, meant: Meant, piece: Function) -> Callable[[int], Origin | None]:
    """What kernel address lies at a place of a program's context."""
    if meant.kind in _WORDS:
        typed = meant.kind != "raw_tp"
        return lambda at: Origin(parameter=at // 8, typed=typed) if at >= 0 and not at % 8 else None
    if meant.kind in _PROBES:
        registers = _registers(local, meant.kind == "kretprobe")
        return lambda at: Origin(parameter=registers[at]) if at in registers else None
    struct = struct_of(local, _parameter(local, piece, 0)) if meant.kind == "iter" else 0
    return lambda at: _in_iterator(local, struct, at)


def _registers(local: Btf, returned: bool) -> dict[int, int]:
    """Which parameter (or what is returned) lies where in the registers that a probe is given, by
    their names in the object's own BTF; none where those are not told."""
    for struct in local.find("pt_regs", (BtfKind.STRUCT,)):
        members = list(members_within(local, struct))
        found = {place: _X86[name] for place, name, _ in members if name in _X86}
        if len(found) == len(set(_X86.values())):
            return {at: each for at, each in found.items() if (each == RETURNED) == returned}
        if any(name == "user_regs" for _, name, _ in members):
            return {0: RETURNED} if returned else {8 * at: at for at in range(ARM64_PARAMETERS)}
    return {}


def _in_iterator(local: Btf, struct: int, at: int) -> Origin | None:
    for place, name, type_id in members_within(local, struct) if struct else ():
        if place == at and local.kind(local.plain(type_id)) is BtfKind.PTR:
            return Origin(plain_name(local, struct), members=(name,), typed=True)
    return None


def plain_name(local: Btf, type_id: int) -> str:
    """A type's name without its flavour."""
    return local.name(local.plain(type_id)).partition("___")[0]


def struct_of(local: Btf, pointer: int) -> int:
    """The struct or union that a pointer points to; 0 for none."""
    plain = local.plain(pointer)
    inner = local.plain(local.refers_to(plain)) if local.kind(plain) is BtfKind.PTR else 0
    return inner if local.kind(inner) in (*COMPOSITE, BtfKind.FWD) else 0


def _parameter(local: Btf, piece: Function, number: int) -> int:
    function = local.function(piece.name)
    types = local.parameters(function) if function else ()
    return types[number] if number < len(types) else 0


def parameter_structs(local: Btf, piece: Function) -> list[str]:
    """The structs that the first parameters of a function of the object point to; empty for any
    other."""
    return [
        plain_name(local, struct) if struct else ""
        for struct in (struct_of(local, _parameter(local, piece, each)) for each in range(5))
    ]


def members_within(local: Btf, struct: int) -> Iterator[tuple[int, str, int]]:
    """Each member of a struct, of structs in it too: its byte, its name (`a.b`) and its type."""
    left, count = [(struct, 0, "", 0)], 0
    while left:
        outer, start, prefix, depth = left.pop()
        for member in local.members(outer):
            count += 1
            if count > MOST_MEMBERS:
                return
            inner = local.plain(member.type)
            name = prefix + member.name
            if member.name and not member.bits:
                yield (start + member.offset) // 8, name, member.type
            if local.kind(inner) in COMPOSITE and depth < DEPTH:
                dot = f"{name}." if member.name else prefix
                left.append((inner, start + member.offset, dot, depth + 1))


def laid_out(local: Btf, struct: str, offset: int) -> tuple[str, ...] | None:
    """The members at an offset of the object's own struct of a name; None where it has none."""
    found: set[str] = set()
    structs = list(local.find(struct, COMPOSITE)) if struct else []
    for each in structs:
        found |= {name for place, name, _ in members_within(local, each) if place == offset}
    return tuple(sorted(found)) if any(local.refers_to(each) for each in structs) else None


def kept_in(local: Btf, name: str, offset: int) -> Origin | None:
    """What the pointer points to that lies at an offset of a map's values."""
    for variable in local.variables(MAPS):
        if local.name(variable) == name:
            fields = {
                each.name: each.type
                for each in local.members(local.plain(local.refers_to(variable)))
            }
            value = local.plain(local.refers_to(local.plain(fields.get("value", 0))))
            for place, type_id in _words_of(local, value):
                struct = struct_of(local, type_id) if place == offset else 0
                if struct:
                    return Origin(plain_name(local, struct))
    return None


def _words_of(local: Btf, type_id: int) -> Iterator[tuple[int, int]]:
    """The places of a type, and what lies there."""
    yield 0, type_id
    for place, _, member in members_within(local, type_id):
        yield place, member


def looked_up(local: Btf, asked: Asked) -> Moved | None:
    """The member whose offset a relocation puts in; None for any other, and for elements."""
    parts = local.string(asked.access).split(":")
    if asked.kind != Relocate.BYTE_OFFSET or not 1 < len(parts) <= DEPTH * 4:
        return None
    here, names = local.plain(asked.type), []
    for part in parts[1:]:
        member = local.member(here, int(part)) if part.isdecimal() and len(part) < 6 else None
        if member is None:
            return None
        names += [member.name] if member.name else []
        here = local.plain(member.type)
    return Moved(plain_name(local, asked.type), ".".join(names)) if names else None
