"""The names of this architecture: the kernel's own, and that of makefiles of BPF programs."""

from __future__ import annotations

import platform

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


def machine_architecture() -> str:
    """The kernel's name of this architecture, for the numbers of its system calls."""
    return platform.machine()


def target_architecture(machine: str) -> str:
    """`x86` for `x86_64`: the name in `__TARGET_ARCH_x86`, as libbpf-bootstrap's makefile makes it.

    `machine` is as uname(2) says it. A name that the makefile does not change stays as it is.
    """
    family = next((name for start, name in _FAMILIES.items() if machine.startswith(start)), machine)
    return _TARGETS.get(machine, family)
