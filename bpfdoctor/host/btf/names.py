"""The kernel's own names of numbers, from the enumerations in its BTF."""

from __future__ import annotations

from collections.abc import Mapping

from bpfdoctor.host.btf.format import Kind
from bpfdoctor.host.btf.reader import Btf


def names_of(
    kernel: Btf | None, enumeration: str, prefix: str, known: Mapping[str, int]
) -> dict[int, str]:
    """The names of an enumeration (`bpf_func_id`) by number; `known` ones without the kernel's."""
    if kernel is None:
        return {number: name for name, number in known.items()}
    found = kernel.find(enumeration, (Kind.ENUM,))
    pairs = [pair for each in found for pair in kernel.enumerators(each)]
    return {value: name.removeprefix(prefix) for name, value in reversed(pairs)}
