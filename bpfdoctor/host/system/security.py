"""What the kernel's security modules say of themselves in securityfs."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.syscalls import UnknownArchitectureError, numbers, syscall
from bpfdoctor.host.system.files import FileText
from bpfdoctor.host.system.mounted import superblock_magic

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

PLACE = "/sys/kernel/security"

MAGIC = 0x73636673
"""The superblock magic of securityfs (include/uapi/linux/magic.h)."""

CLOSE_ON_EXEC = 1
CREATE = 6
"""FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC, and FSCONFIG_CMD_CREATE of include/uapi/linux/mount.h."""


class AskSecurityFile(Question[FileText], frozen=True):
    """A file of securityfs: `lockdown` (Linux 5.4) or `lsm`, the active modules (Linux 4.11).

    Root is answered where securityfs is not mounted too, from a mount that is attached nowhere.
    """

    name: Literal["lockdown", "lsm"]
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> FileText | NoAnswer:
        try:
            return FileText(security_file(self.name))
        except NotMountedError as error:
            return NoAnswer("EACCES", str(error))
        except OSError as error:
            return NoAnswer.from_error(error)

    def source(self) -> str:
        return f"{PLACE}/{self.name}"


class NotMountedError(OSError):
    """securityfs is not mounted, or something covers it, and this user may not mount it."""


def security_file(name: str) -> str:
    """The text of a file of securityfs. Raises OSError: ENOENT where the kernel has no such file.

    What lies at its place may be anybody's: the file itself must be on securityfs. Where it is not,
    it is read in a mount that is attached nowhere.
    """
    path = Path(PLACE, name)
    try:
        if superblock_magic(str(path)) == MAGIC:
            return path.read_text(errors="backslashreplace")
    except (FileNotFoundError, NotADirectoryError):
        if _is_mounted():
            raise
    if os.geteuid() != 0:
        raise NotMountedError("securityfs is not mounted, and only root may mount it")
    return _read_unattached(name)


def _is_mounted() -> bool:
    try:
        return superblock_magic(PLACE) == MAGIC
    except OSError:
        return False


def _read_unattached(name: str) -> str:
    """A file of securityfs, through a mount that nobody sees and that goes with its descriptor.

    fsopen(2), fsconfig(2) and fsmount(2) came with Linux 5.2 (commit 24dcb3d90a1f), their numbers
    one after the other.
    """
    kind = ctypes.create_string_buffer(b"securityfs")
    try:
        first = numbers().fsopen
    except UnknownArchitectureError as error:
        raise OSError(errno.ENOSYS, str(error)) from None
    with contextlib.ExitStack() as held:

        def keep(descriptor: int) -> int:
            held.callback(os.close, descriptor)
            return descriptor

        context = keep(syscall(first, ctypes.addressof(kind), CLOSE_ON_EXEC))
        syscall(first + 1, context, CREATE, 0, 0, 0)
        mount = keep(syscall(first + 2, context, CLOSE_ON_EXEC, 0))
        file = keep(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=mount))
        return decoded(os.read(file, 1 << 16))


def lockdown_mode(text: str) -> str:
    """`integrity` for `none [integrity] confidentiality`; empty for what is no such list."""
    chosen = re.search(r"\[(none|integrity|confidentiality)\]", text)
    return chosen[1] if chosen else ""


def refuse_in_confidentiality() -> None:
    """Raise what the kernel would answer, without asking: it writes each refusal to its log.

    Lockdown in this mode forbids kprobes and the files of tracefs (LOCKDOWN_KPROBES and
    LOCKDOWN_TRACEFS, Linux 5.4; commit 17911ff38aa5). What cannot be read forbids nothing.
    """
    try:
        text = security_file("lockdown")
    except OSError:
        return
    if lockdown_mode(text) == "confidentiality":
        raise PermissionError(errno.EPERM, "lockdown is in confidentiality mode")
