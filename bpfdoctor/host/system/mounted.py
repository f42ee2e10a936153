"""The question which file system is mounted at a path."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.architecture import machine_architecture
from bpfdoctor.host.question import OF_ITS_PATH, Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class FileSystem(Answer, frozen=True):
    """The file system that a path is on: the magic number of its superblock (linux/magic.h)."""

    magic: int

    def shown(self) -> str:
        return f"superblock magic {self.magic:#x}"


class AskFileSystem(Question[FileSystem], frozen=True):
    """Which file system is mounted at a path, by statfs(2); an existing directory proves nothing.

    Entering a directory may mount it (tracefs below debugfs is an automount), as for any user.
    """

    path: str
    privileged = True
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> FileSystem | NoAnswer:
        try:
            return FileSystem(superblock_magic(self.path))
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:
            return NoAnswer("refused", str(error))

    def source(self) -> str:
        return f"statfs {self.path}"


def superblock_magic(path: str) -> int:
    """The magic number of the file system mounted at `path`. Raises OSError."""
    if "\0" in path:  # ctypes would stop there
        raise ValueError("embedded null byte")
    facts = ctypes.create_string_buffer(512)  # struct statfs is 120 bytes on 64-bit Linux
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(path), facts) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return magic_in(facts.raw, machine_architecture(), sys.byteorder)


def magic_in(facts: bytes, architecture: str, order: Literal["little", "big"]) -> int:
    """f_type of a struct statfs, its first word.

    It is a long, but on s390x an int, with f_bsize beside it (arch/s390/include/uapi/asm/statfs.h).
    """
    size = 4 if architecture == "s390x" else ctypes.sizeof(ctypes.c_long)
    return int.from_bytes(facts[:size], order) & 0xFFFFFFFF
