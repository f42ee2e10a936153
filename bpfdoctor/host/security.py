"""What the kernel's security modules say of themselves in securityfs."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.commands import decoded
from bpfdoctor.host.files import FileText
from bpfdoctor.host.question import NoAnswer, Question, errno_name

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

PLACE = "/sys/kernel/security"

READ_IN_OWN_MOUNTS = f"""
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, PRIVATE_ALL_THE_WAY_DOWN = 0x20000, 0x44000
if (
    libc.unshare(NEW_MOUNTS)
    or libc.mount(b"none", b"/", None, PRIVATE_ALL_THE_WAY_DOWN, None)
    or libc.mount(b"securityfs", b"{PLACE}", b"securityfs", 0, None)
):
    sys.exit(ctypes.get_errno())
try:
    sys.stdout.write(open("{PLACE}/" + sys.argv[1]).read())
except OSError as error:
    sys.exit(error.errno)
"""
"""A child that mounts securityfs for itself alone; the mount goes when the child does."""


class AskSecurityFile(Question[FileText], frozen=True):
    """A file of securityfs: `lockdown` (Linux 5.4) or `lsm`, the active modules (Linux 4.11).

    Root is answered where securityfs is not mounted too, from a mount of a child's own.
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
        return self._in_own_mounts(machine)

    def _in_own_mounts(self, machine: Machine) -> FileText | NoAnswer:
        argv = (sys.executable, "-I", "-S", "-c", READ_IN_OWN_MOUNTS, self.name)
        try:
            ended = machine.run(argv, timeout=10)
        except OSError as error:
            return NoAnswer.from_error(error)
        if ended.exit_code == 0:
            return FileText(decoded(ended.stdout))
        if ended.exit_code is None:
            return NoAnswer("timed-out" if ended.timed_out else "broken")
        return NoAnswer(errno_name(ended.exit_code), "in a mount of securityfs of our own")

    def source(self) -> str:
        return f"{PLACE}/{self.name}"


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
