"""What a step left, and whether it still stands: mounts, settings, files.

The next boot undoes what was changed in the running system, and somebody else may have since.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection

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


def gone(record: Record, boot: str, host: Host, freed: Collection[str] = ()) -> bool | Manual:
    """Whether what a step did in that boot, or to files, is not there any more.

    A person has to see where the step was cut off, and somebody else may have mounted there, or
    put a file there. `freed` are the files that are removed before this step is taken back.
    """
    step = record.before.step
    if step.undo[0] in _FILES:
        return _FILES[step.undo[0]](step, freed)
    value, switch = _written(step)
    if step.undo[0] not in ("umount", "sysctl") and not switch:
        return False
    if boot != boot_id():
        return True
    if switch:
        answer = host.ask(ReadFile(switch))
        return isinstance(answer, FileText) and answer.text.strip() != value
    return (
        _mount_gone(record, host) if step.undo[0] == "umount" else not _is_set(step.argv[-1], host)
    )


def _mount_gone(record: Record, host: Host) -> bool | Manual:
    """What a step mounted: another mount in its place is another's."""
    step = record.before.step
    there = mount_at(host, step.undo[-1])
    if record.after is None and there:
        return Manual(step.why, f"{step.title}: it was cut off; whose the mount is, is not known")
    return record.after is None or there != record.after.mount


def _aside_gone(step: Step, freed: Collection[str]) -> bool | Manual:
    """What was set aside, and the place that it came from."""
    kept, place = step.undo[-2:]
    if os.path.lexists(kept) and os.path.lexists(place) and place not in freed:
        return Manual(step.why, f"{place} is there again: what was set aside stays at {kept}")
    return not os.path.lexists(kept)


def _link_gone(step: Step, freed: Collection[str]) -> bool | Manual:
    """A link that a step made, unless it leads where the step had it lead."""
    if step.argv[0] != "ln":
        return False
    place = step.undo[-1]
    try:
        return os.readlink(place) != step.argv[-2]
    except OSError:
        return True


def _directory_gone(step: Step, freed: Collection[str]) -> bool | Manual:
    return not os.path.lexists(step.argv[-1])


_FILES = {"mv": _aside_gone, "rm": _link_gone, "rmdir": _directory_gone}
"""By the command that takes a step back, where it changed files."""


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
