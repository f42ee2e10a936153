"""Which C library a program of this machine is given: the loader's own answer.

A search of the file system would turn up a copy for every container image and every SDK.
"""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LDCONFIG = ("/sbin/ldconfig", "/usr/sbin/ldconfig")
"""Not on an ordinary user's PATH."""
_MAPPED = re.compile(r"^\S+ r-xp \S+ \S+ [1-9]\d* +(/.*)$", re.MULTILINE)
_GLIBC = re.compile(r"libc(\.so\.6(\.1)?|-2\.\d+\.so)")  # -2.NN before glibc 2.34; .6.1 on Alpha
_MUSL = re.compile(r"(ld-musl-[\w.-]+|libc\.musl-[\w.-]+)\.so\.1|libc\.so")
_CACHED = re.compile(r"^[ \t]*libc\.so\.6(?:\.1)? \(.*\) => (/\S+)$", re.MULTILINE)
_REPLACED = " (deleted)"


class Libc(Answer, frozen=True):
    """What the loader says.

    `mapped` is the file that the asking process runs on, links resolved (empty: it is linked
    statically), `replaced` when that file was replaced on disk since. `cached` is the one that the
    loader's cache gives programs of the same architecture (empty: there is none, or no cache).
    """

    mapped: str
    kind: Literal["glibc", "musl", ""]
    cached: str
    replaced: bool = False

    def shown(self) -> str:
        mapped = self.mapped or "(none: linked statically)"
        late = ", replaced on disk since" if self.replaced else ""
        return f"/proc/self/maps: {mapped}{late}\nldconfig -p: {self.cached or '(none)'}"


class AskLibc(Question[Libc], frozen=True):
    """The C library: of this process, by its memory map, and of the loader's cache."""

    asks = "machine"

    def put(self, machine: Machine) -> Libc | NoAnswer:
        try:
            with open("/proc/self/maps", "rb") as file:
                maps = decoded(file.read())
        except OSError as error:
            return NoAnswer.from_error(error)
        path, kind = mapped_libc(maps)
        real = path.removesuffix(_REPLACED)
        cached = [os.path.realpath(each) for each in _CACHED.findall(_cache(machine))]
        ours = next((each for each in cached if _elf_of(each) == _elf_of("/proc/self/exe")), "")
        return Libc(real, kind, ours, replaced=path != real)

    def command(self) -> str:
        return "grep libc /proc/self/maps; /sbin/ldconfig -p | grep libc.so"


def mapped_libc(maps: str) -> tuple[str, Literal["glibc", "musl", ""]]:
    """The C library among the executable mappings of a process, and which one it is."""
    for path in _MAPPED.findall(maps):
        name = os.path.basename(path.removesuffix(_REPLACED))
        if _GLIBC.fullmatch(name):
            return path, "glibc"
        if _MUSL.fullmatch(name):
            return path, "musl"
    return "", ""


def _cache(machine: Machine) -> str:
    """The loader's cache as ldconfig prints it; nothing where there is none (musl, Nix)."""
    program = next((path for path in LDCONFIG if os.access(path, os.X_OK)), None)
    if program is None:
        return ""
    try:
        return decoded(machine.run((program, "-p"), timeout=10).stdout)
    except OSError:
        return ""


def _elf_of(path: str) -> tuple[int, int, int] | None:
    """Word size, byte order and machine of an ELF file; None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    order = "<" if head[5] == 1 else ">"
    return head[4], head[5], struct.unpack_from(f"{order}H", head, 18)[0]
