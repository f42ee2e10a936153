"""System calls by number, through ctypes: libc wraps neither bpf(2) nor perf_event_open(2)."""

from __future__ import annotations

import ctypes
import os
import struct

import msgspec

from bpfdoctor.host.architecture import machine_architecture


class Numbers(msgspec.Struct, frozen=True):
    """System call numbers of one architecture, from its asm/unistd.h.

    `ioctl_none` and `ioctl_write` are _IOC_NONE and _IOC_WRITE of asm/ioctl.h, shifted in place.
    """

    bpf: int
    perf_event_open: int
    getcpu: int
    ioctl_none: int = 0
    ioctl_write: int = 1 << 30
    fsopen: int = 430
    setgroups: int = 159
    faccessat2: int = 439


GENERIC = Numbers(bpf=280, perf_event_open=241, getcpu=168)
"""asm-generic/unistd.h."""

ARCHITECTURES = {
    "aarch64": GENERIC,
    "loongarch64": GENERIC,
    "mips64": Numbers(
        5315, 5292, 5271, 1 << 29, 4 << 29, fsopen=5430, setgroups=5114, faccessat2=5439
    ),
    "ppc64": Numbers(361, 319, 302, ioctl_none=1 << 29, ioctl_write=4 << 29, setgroups=81),
    "ppc64le": Numbers(361, 319, 302, ioctl_none=1 << 29, ioctl_write=4 << 29, setgroups=81),
    "riscv64": GENERIC,
    "s390x": Numbers(351, 331, 311, setgroups=206),
    "x86_64": Numbers(321, 298, 309, setgroups=116),
}
"""By uname's machine name. 64-bit only: libbpf programs want a 64-bit kernel and process."""


def numbers() -> Numbers:
    """The numbers of this architecture.

    Raises UnknownArchitectureError where they are not known, and in a 32-bit process, whose
    numbers differ from those of its kernel.
    """
    known = ARCHITECTURES.get(machine_architecture())
    if known is None or struct.calcsize("P") != 8:
        what = f"no system call numbers for {8 * struct.calcsize('P')}-bit {machine_architecture()}"
        raise UnknownArchitectureError(what)
    return known


class UnknownArchitectureError(Exception):
    """bpfdoctor does not know this architecture; the kernel was not asked."""


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def syscall(number: int, *arguments: int) -> int:
    """Make a system call; its result. Raises OSError with the kernel's errno."""
    result: int = _libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def ioctl(descriptor: int, request: int, argument: int) -> None:
    """ioctl(2) with an integer argument. Raises OSError."""
    call = (descriptor, ctypes.c_ulong(request), ctypes.c_ulong(argument))
    if _libc.ioctl(*call) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
