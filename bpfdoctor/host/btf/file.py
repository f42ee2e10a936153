"""Where BTF is found: the kernel's own, or that of a file."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from bpfdoctor.host.btf.format import HEADER_SIZE, BtfError, read_header
from bpfdoctor.host.btf.reader import Btf

VMLINUX = "/sys/kernel/btf/vmlinux"
"""Where a kernel with CONFIG_DEBUG_INFO_BTF shows its BTF (Linux 5.4, commit 341dfcf8d78e)."""

IMAGES = (
    "/boot/vmlinux-{release}",
    "/lib/modules/{release}/vmlinux-{release}",
    "/lib/modules/{release}/build/vmlinux",
    "/usr/lib/modules/{release}/kernel/vmlinux",
    "/usr/lib/debug/boot/vmlinux-{release}",
    "/usr/lib/debug/boot/vmlinux-{release}.debug",
    "/usr/lib/debug/lib/modules/{release}/vmlinux",
)
"""Images with a section `.BTF` that libbpf reads in its place (btf__load_vmlinux_btf in btf.c)."""

SIZE_LIMIT = 48 << 20
"""Bytes read at most; distribution kernels have 4 to 8 MB."""

_read: dict[str, Btf | BtfError] = {}
_reading = threading.Lock()


def open_btf(path: str = VMLINUX) -> Btf:
    """The BTF in a file, read once per path. Raises BtfError, or OSError as opening it did.

    Where the kernel shows none, that of its image: `Btf.path` says where it was found.
    """
    with _reading:
        if path not in _read:
            _read[path] = _attempt(path)
        found = _read[path]
    if isinstance(found, BtfError):
        raise found
    return found


def modules_have_btf(path: str) -> bool:
    """Whether there is BTF of modules beside that of the kernel (Linux 5.11, 36e68442d1af)."""
    try:
        beside = os.listdir(os.path.dirname(path)) if path == VMLINUX else []
    except OSError:
        return False
    return bool(set(beside) - {os.path.basename(path)})


def _attempt(path: str) -> Btf | BtfError:
    try:
        return Btf(read_bytes(path), path)
    except BtfError as wrong:
        return wrong
    except FileNotFoundError:
        image = _image() if path == VMLINUX else None
        if image is None:
            raise
        return image


def _image() -> Btf | None:
    """The BTF in the running kernel's image, where libbpf would find it."""
    for place in IMAGES:
        path = place.format(release=os.uname().release)
        try:
            data = _section(path) if os.path.isfile(path) else b""
            if data:
                return Btf(data, path)
        except (BtfError, OSError):
            continue
    return None


def _section(path: str) -> bytes:
    """The section `.BTF` of an ELF file; empty without."""
    from elftools.elf.elffile import ELFFile  # costs start-up time

    with open(path, "rb") as file:
        try:
            found = ELFFile(file).get_section_by_name(".BTF")
            if not found or found.compressed or found["sh_size"] > SIZE_LIMIT:
                return b""
            return b"" if found["sh_type"] == "SHT_NOBITS" else bytes(found.data())
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  (pyelftools raises whatever its parsers do)
            raise BtfError(f"not sound ELF: {error}") from None


def read_bytes(path: str) -> bytes:
    """A file of BTF, whole. Raises BtfError before reading much of what cannot be BTF."""
    if not Path(path).is_file():
        Path(path).stat()  # says why there is nothing
        raise BtfError("not a regular file")
    with open(path, "rb") as file:
        start = file.read(HEADER_SIZE)
        size = Path(path).stat().st_size
        read_header(start, max(size, len(start)))
        rest = file.read(SIZE_LIMIT + 1)
    if len(rest) > SIZE_LIMIT:
        raise BtfError(f"larger than {SIZE_LIMIT} bytes")
    return start + rest


def read_beginning(path: str) -> bytes:
    """The header of the BTF in a file, read anew; empty where there is no sound one."""
    try:
        with open(path, "rb", buffering=0) as file:
            start = file.read(HEADER_SIZE)
        read_header(start, os.stat(path).st_size)
    except (OSError, ValueError):
        return b""
    return start
