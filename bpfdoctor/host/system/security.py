"""What the kernel's security modules say of themselves in securityfs."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.bpf.syscalls import syscall
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.system.files import FileText
from bpfdoctor.host.text import decoded

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

PLACE = "/sys/kernel/security"

FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
"""System calls of Linux 5.2 (commit 24dcb3d90a1f), of one number on every architecture."""

CLOSE_ON_EXEC = 1
CREATE = 6
"""FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC, and FSCONFIG_CMD_CREATE of include/uapi/linux/mount.h."""


class AskSecurityFile(Question[FileText], frozen=True):
    """A file of securityfs: `lockdown` (Linux 5.4) or `lsm`, the active modules (Linux 4.11).

    Root is answered where securityfs is not mounted too, from a mount that is attached nowhere.
    """

    name: Literal["lockdown", "lsm"]
    privileged = True

    def put(self, machine: Machine) -> FileText | NoAnswer:
        try:
            return FileText(Path(PLACE, self.name).read_text(errors="backslashreplace"))
        except OSError as error:
            refused = NoAnswer.from_error(error)
        if not refused.absent or os.path.ismount(PLACE):
            return refused
        if os.geteuid() != 0:
            return NoAnswer("EACCES", "securityfs is not mounted, and only root may mount it")
        try:
            return FileText(_read_unattached(self.name))
        except OSError as error:
            refused = NoAnswer.from_error(error)
            return NoAnswer(refused.reason, "in a mount of securityfs that is attached nowhere")

    def source(self) -> str:
        return f"{PLACE}/{self.name}"


def _read_unattached(name: str) -> str:
    """A file of securityfs, through a mount that nobody sees and that goes with its descriptor."""
    kind = ctypes.create_string_buffer(b"securityfs")
    with contextlib.ExitStack() as held:

        def keep(descriptor: int) -> int:
            held.callback(os.close, descriptor)
            return descriptor

        context = keep(syscall(FSOPEN, ctypes.addressof(kind), CLOSE_ON_EXEC))
        syscall(FSCONFIG, context, CREATE, 0, 0, 0)
        mount = keep(syscall(FSMOUNT, context, CLOSE_ON_EXEC, 0))
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
        text = Path(PLACE, "lockdown").read_text()
    except OSError:
        return
    if lockdown_mode(text) == "confidentiality":
        raise PermissionError(errno.EPERM, "lockdown is in confidentiality mode")
