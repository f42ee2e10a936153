"""What a BPF object declares extern: functions and variables of the kernel, and its options.

From libbpf's bpf_object__collect_externs and bpf_object__resolve_externs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal

import msgspec

from bpfdoctor.host.bpf.event_probes import DEVICES
from bpfdoctor.host.bpf.version_code import version_code
from bpfdoctor.host.btf.format import ENUMERATIONS, BtfKind
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.elf.image import GLOBAL, TYPELESS, UNDEFINED, WEAK, Image, Symbol
from bpfdoctor.host.system.security import refuse_in_confidentiality

OPTIONS, SYMBOLS = ".kconfig", ".ksyms"
"""The sections in which `__kconfig` and `__ksym` put what is declared."""

WRAPPERS = ("arm64", "powerpc", "riscv", "s390x", "x64")
"""Of system calls, by architecture (arch_specific_syscall_pfx of libbpf)."""

HAS_WRAPPER = "LINUX_HAS_SYSCALL_WRAPPER"
"""The option by which a program is told that system calls have them."""

SIGNED, BOOLEAN = 1, 4
"""BTF_INT_SIGNED and BTF_INT_BOOL of linux/btf.h."""

Sort = Literal["function", "variable", "symbol", "option", ""]


class ObjectExtern(msgspec.Struct, frozen=True):
    """A name that the loader must find in the kernel, unless it is declared `weak`.

    `sort`: a function or typed variable, which the kernel's BTF has; a symbol of no type, which
    its list of symbols has; an option; empty where the object's BTF does not tell. `known`: it is
    in the kernel's BTF. For an option: `type` is `bool`, `tristate`, `char`, `int` or `string`,
    empty for one that libbpf does not fill, `most` the largest number that fits, and `value` what
    libbpf finds out itself.
    """

    name: str
    sort: Sort
    weak: bool = False
    known: bool = False
    type: str = ""
    most: int = 0
    value: int | None = None

    @property
    def plain_name(self) -> str:
        """Its name without a flavour, as the kernel has that of a function."""
        return self.name.partition("___")[0]

    @property
    def is_option(self) -> bool:
        """It is in the section of options."""
        return self.sort == "option"


def externs(
    image: Image, local: Btf | None, kernel: Btf | None, *, alone: bool = False
) -> Iterator[ObjectExtern]:
    """What an object declares extern, held against the kernel's BTF.

    `alone`: no kernel is asked, not even for its version.
    """
    declared = _Declared(local, alone=alone) if local else None
    for symbol in image.symbols():
        if is_extern(symbol):
            name = symbol.name.decode(errors="backslashreplace")
            plain = ObjectExtern(name, "", symbol.binding == WEAK)
            yield declared.described(plain, kernel) if declared else plain


def is_extern(symbol: Symbol) -> bool:
    """As libbpf's sym_is_extern has it: undefined, named, and of no type of its own."""
    declared = symbol.section == UNDEFINED and symbol.type == TYPELESS and symbol.name
    return bool(declared) and symbol.binding in (GLOBAL, WEAK)


def _value(option: ObjectExtern, kernel: Btf | None, *, alone: bool) -> int | None:
    """What libbpf fills in for an option that is none of the kernel's configuration."""
    if option.name == "LINUX_KERNEL_VERSION":
        return None if alone else version_code()
    if option.name == "LINUX_HAS_BPF_COOKIE":
        return _has_cookies(kernel) if kernel else None
    if option.name == HAS_WRAPPER:
        return 1 if kernel and _has_wrappers(kernel) else None
    return 0 if option.weak and option.name.startswith("LINUX_") else None


def _has_cookies(kernel: Btf) -> int:
    helpers = kernel.find("bpf_func_id", (BtfKind.ENUM,))
    names = (name for each in helpers for name, _ in kernel.enumerators(each))
    return int("BPF_FUNC_get_attach_cookie" in names)


def _has_wrappers(kernel: Btf) -> bool:
    """libbpf puts a kprobe on the wrapper of bpf(2): there must be such a function, and kprobes."""
    there = any(kernel.function(f"__{each}_sys_bpf") for each in WRAPPERS)
    return there and kprobes_are_offered()


def kprobes_are_offered() -> bool:
    """There are kprobes, and lockdown does not forbid them."""
    try:
        refuse_in_confidentiality()
    except PermissionError:
        return False
    return os.path.isdir(f"{DEVICES}/kprobe")


class _Declared:
    """The declarations of an object, by its BTF."""

    def __init__(self, local: Btf, *, alone: bool) -> None:
        self.local, self.alone = local, alone
        self.options = self._named(OPTIONS)
        self.symbols = self._named(SYMBOLS)

    def _named(self, section: str) -> dict[str, int]:
        return {self.local.name(each): each for each in self.local.variables(section)}

    def described(self, plain: ObjectExtern, kernel: Btf | None) -> ObjectExtern:
        """An extern with all that the object's BTF and the kernel's say of it."""
        replace = msgspec.structs.replace
        if plain.name in self.options:
            kind, most = self._option(self.local.refers_to(self.options[plain.name]))
            value = _value(plain, kernel, alone=self.alone)
            return replace(plain, sort="option", type=kind, most=most, value=value)
        declared = self.symbols.get(plain.name)
        if declared is None:
            return plain
        sort, kinds = self._sort(declared)
        wanted = plain.plain_name if sort == "function" else plain.name
        known = kernel is not None and any(kernel.find(wanted, kinds)) if kinds else False
        return replace(plain, sort=sort, known=known)

    def _sort(self, declared: int) -> tuple[Sort, tuple[BtfKind, ...]]:
        if self.local.kind(declared) is BtfKind.FUNC:
            return "function", (BtfKind.FUNC,)
        whole = self.local.plain(self.local.refers_to(declared))
        return ("variable", (BtfKind.VAR,)) if whole else ("symbol", ())

    def _option(self, declared: int) -> tuple[str, int]:
        """As libbpf's find_kcfg_type has it."""
        local, here = self.local, self.local.plain(declared)
        size, encoding = local.integer(here)
        if encoding & BOOLEAN:
            return ("bool", 1) if size == 1 else ("", 0)
        if size in (1, 2, 4, 8):
            bits = size * 8 - (encoding & SIGNED)
            return "char" if size == 1 else "int", (1 << bits) - 1
        if local.kind(here) in ENUMERATIONS and local.name(here) == "libbpf_tristate":
            return "tristate", 0
        element, count = local.element(here)
        text = count and local.integer(local.plain(element))[0] == 1
        return ("string", 0) if text else ("", 0)
