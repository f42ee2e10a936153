"""Who holds a package manager's lock: by the kernel's table of locks, or by a pid file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import read_regular
from bpfdoctor.host.system.mount_table import read_mounts

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class Holder(Answer, frozen=True):
    """The process that holds a lock: its PID and name; PID 0 when nobody does, -1 if unknown.

    `path` is the lock. `stale`: the lock is a file that exists, and no such manager runs.
    """

    pid: int = 0
    name: str = ""
    path: str = ""
    stale: bool = False

    def shown(self) -> str:
        if self.stale:
            return f"{self.path}, which a killed run left behind: remove it (sudo rm {self.path})"
        number = f" (PID {self.pid})" if self.pid > 0 else ""
        return f"{self.name or 'a process'}{number}, by {self.path}" if self.pid else "-"


class AskLock(Question[Holder], frozen=True):
    """Who holds one of these locks."""

    paths: tuple[str, ...]

    def put(self, machine: Machine) -> Holder | NoAnswer:
        try:
            table = Path("/proc/locks").read_text()
        except OSError as error:
            return NoAnswer.from_error(error)
        for path in self.paths:
            found = _by_table(path, table) or _by_content(path)
            if found is not None:
                return found
        return Holder()

    def source(self) -> str:
        return "/proc/locks for " + " ".join(self.paths)


def _by_table(path: str, table: str) -> Holder | None:
    pid = holder_in(table, _in_table(path))
    return Holder(pid, _name(pid), path) if pid else None


def holder_in(table: str, file: str) -> int:
    """The process that holds a lock on `file`, as the table calls it (`08:01:42`); 0 for nobody.

    A line is `1: POSIX ADVISORY WRITE PID FILE START END`; a waiter, who holds nothing, has `->`
    behind the number.
    """
    for line in table.splitlines():
        words = line.split()
        if len(words) == 8 and words[5] == file:
            return int(words[4])
    return 0


def _in_table(path: str) -> str:
    """What that table calls a file: by the device of its superblock.

    stat(2) gives another one on overlayfs and btrfs; that of the superblock is in mountinfo.
    """
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        facts = os.fstat(descriptor)
        mount = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    finally:
        os.close(descriptor)
    own = f"{os.major(facts.st_dev)}:{os.minor(facts.st_dev)}"
    major, minor = map(int, (_superblock(mount) or own).split(":"))
    return f"{major:02x}:{minor:02x}:{facts.st_ino}"


def _superblock(fdinfo: str) -> str:
    """The device of the mount that a descriptor lies on; empty where the mount is out of sight."""
    number = next((line.split()[1] for line in fdinfo.splitlines() if "mnt_id" in line), "")
    return next((mount.device for mount in read_mounts() if mount.id == number), "")


def _by_content(path: str) -> Holder | None:
    """A pid file counts while that process lives; pacman's lock is empty and counts by existing."""
    if not path.endswith((".pid", ".lck")):
        return None
    try:
        text = read_regular(path, 64).split()
    except OSError:
        return None
    if path.endswith(".lck"):
        pid = _running("pacman")
        return Holder(pid or -1, "pacman", path, stale=not pid)
    pid = int(text[0]) if text and text[0].isdigit() else 0
    return Holder(pid, _name(pid), path) if pid and Path(f"/proc/{pid}").exists() else None


def _running(name: str) -> int:
    import psutil  # costs start-up time

    return next((p.pid for p in psutil.process_iter(["name"]) if p.info["name"] == name), 0)


def _name(pid: int) -> str:
    import psutil  # costs start-up time

    try:
        return str(psutil.Process(pid).name())
    except (psutil.Error, ValueError, OverflowError):  # -1 holds a lock of an open file: nobody's
        return ""
