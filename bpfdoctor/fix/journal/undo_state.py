"""What a step left, and whether it still stands: mounts, settings, files.

The next boot undoes what was changed in the running system, and somebody else may have since.
"""

from __future__ import annotations

import hashlib

from bpfdoctor.fix.journal.read import Record
from bpfdoctor.fix.plan import Manual, Step
from bpfdoctor.host.question import Host
from bpfdoctor.host.reading import read_regular
from bpfdoctor.host.scratch import boot_id
from bpfdoctor.host.system.files import FileText, ReadFile
from bpfdoctor.host.system.mount_table import MOUNT_TABLE, mount_seen_at, mounts_in

LARGEST = 64 << 20
"""Bytes of a file that a step wrote; a kernel's vmlinux.h has four million."""


def mount_at(host: Host, place: str) -> str:
    """The mount that is seen at a place: its id, device, type and source; empty without one.

    An id is given again after an unmount, and a device as well, but hardly both (proc(5)).
    """
    answer = host.ask(ReadFile(MOUNT_TABLE))
    lines = answer.text.split("\n") if isinstance(answer, FileText) else ()
    found = mount_seen_at(mounts_in(lines), place)
    return " ".join((found.id, found.device, found.type, found.source)) if found else ""


def mounted(host: Host, step: Step) -> str:
    """The mount that a step has just made; empty for any other step."""
    return mount_at(host, step.undo[-1]) if step.undo[:1] == ("umount",) else ""


def gone(record: Record, boot: str, host: Host) -> bool | Manual:
    """Whether what a step did to the running system in that boot is not there any more.

    A person has to see where the step was cut off, and somebody else may have mounted there.
    """
    step = record.before.step
    written = _written(step)
    if step.undo[0] not in ("umount", "sysctl") and not written[1]:
        return False
    if boot != boot_id():
        return True
    if step.undo[0] == "sysctl":
        return not _is_set(step.argv[-1], host)
    if written[1]:
        answer = host.ask(ReadFile(written[1]))
        return isinstance(answer, FileText) and answer.text.strip() != written[0]
    there = mount_at(host, step.undo[-1])
    if record.after is None and there:
        return Manual(step.why, f"{step.title}: it was cut off; whose the mount is, is not known")
    return record.after is None or there != record.after.mount


def _written(step: Step) -> tuple[str, str]:
    """The word that a step wrote to a file of the kernel's, and the file; empty for others."""
    words = step.argv[-1].split() if step.argv[:2] == ("sh", "-c") else []
    is_setting = len(words) == 4 and (words[0], words[2]) == ("echo", ">")
    return (words[1], words[3]) if is_setting and words[3].startswith("/sys/") else ("", "")


def _is_set(setting: str, host: Host) -> bool:
    name, _, value = setting.partition("=")
    answer = host.ask(ReadFile("/proc/sys/" + name.replace(".", "/")))
    return isinstance(answer, FileText) and answer.text.split() == value.split()


def digest_of(path: str) -> str:
    """The SHA-256 of a file; empty where it cannot be read."""
    try:
        return hashlib.sha256(read_regular(path, LARGEST)).hexdigest()
    except OSError:
        return ""
