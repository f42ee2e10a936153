"""The names that makefiles of BPF programs give architectures, which are not those of uname(2)."""

from __future__ import annotations

_TARGETS = {
    "x86_64": "x86",
    "i386": "x86",
    "i686": "x86",
    "aarch64": "arm64",
    "ppc64": "powerpc",
    "ppc64le": "powerpc",
    "riscv64": "riscv",
    "loongarch64": "loongarch",
}
_FAMILIES = {"arm": "arm", "mips": "mips"}


def target_architecture(machine: str) -> str:
    """`x86` for `x86_64`: the name in `__TARGET_ARCH_x86`, as libbpf-bootstrap's makefile makes it.

    `machine` is as uname(2) says it. A name that the makefile does not change stays as it is.
    """
    family = next((name for start, name in _FAMILIES.items() if machine.startswith(start)), machine)
    return _TARGETS.get(machine, family)
