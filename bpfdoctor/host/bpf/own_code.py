"""A function of our own that a uprobe can be put on, in a file that nobody else can open."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable

from bpfdoctor.host.architecture import machine_architecture
from bpfdoctor.host.bpf.steps import Steps

FUNCTIONS = {
    "aarch64": "c0035fd6",  # ret
    "ppc64le": "2000804e",  # blr
    "riscv64": "67800000",  # ret
    "s390x": "07fe",  # br %r14
    "x86_64": "555dc3",  # push %rbp; pop %rbp; ret
}
"""The machine code of a function that does nothing and returns, in hexadecimal."""

MFD_CLOEXEC, MFD_NOEXEC_SEAL = 1, 8
"""linux/memfd.h; the second (Linux 6.3) is wanted where the sysctl vm.memfd_noexec is 2."""


def own_function(steps: Steps) -> tuple[str, Callable[[], None]] | None:
    """The path of a file in memory whose first bytes are a function, and what calls it.

    None where no such code is known for this architecture. The file goes with its descriptor, and
    lies where no mount option (noexec) forbids to run it. Raises OSError.
    """
    code = FUNCTIONS.get(machine_architecture())
    if code is None:
        return None
    steps.call = "memfd_create(2)"
    file = steps.keep(_file_in_memory())
    size = mmap.PAGESIZE
    os.ftruncate(file, size)
    os.pwrite(file, bytes.fromhex(code), 0)
    steps.call = "mmap(2) of code of ours"
    libc = _libc()
    # By ctypes: Python's own mmap tells no address of what may not be written to.
    address = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_EXEC, mmap.MAP_PRIVATE, file, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    steps.callback(libc.munmap, ctypes.c_void_p(address), ctypes.c_size_t(size))
    return f"/proc/self/fd/{file}", ctypes.CFUNCTYPE(None)(address)


def _file_in_memory() -> int:
    try:
        return os.memfd_create("bpfdoctor", MFD_CLOEXEC)
    except PermissionError:
        return os.memfd_create("bpfdoctor", MFD_CLOEXEC | MFD_NOEXEC_SEAL)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        ctypes.c_long,
    )
    return libc
