"""Questions about the system: kernel release, distribution, this process, disk space."""

from __future__ import annotations

import glob
import os
import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.question import OF_ITS_PATH, Answer, NoAnswer, Question
from bpfdoctor.host.remembered import remembered

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""Inode of the initial PID namespace: PROC_PID_INIT_INO of include/linux/proc_ns.h (3.8)."""

INITIAL_USER_NAMESPACE = 0xEFFFFFFD
"""The same of the user namespace: PROC_USER_INIT_INO."""


class Kernel(Answer, frozen=True):
    """uname(2): the release, version and architecture of the running kernel."""

    release: str
    version: str
    architecture: str

    def shown(self) -> str:
        return f"Linux {self.release} {self.version} {self.architecture}"


class AskKernel(Question[Kernel], frozen=True):
    """Which kernel runs."""

    asks = "kernel"

    def put(self, machine: Machine) -> Kernel | NoAnswer:
        names = os.uname()
        return Kernel(names.release, names.version, names.machine)

    def command(self) -> str:
        return "uname -srvm"


class Distribution(Answer, frozen=True):
    """os-release: `id` (`debian`), what it is like (`id_like`), its version, and its full name."""

    id: str
    like: tuple[str, ...]
    version: str
    codename: str
    name: str

    def shown(self) -> str:
        return f"{self.name} (id {self.id}, like {' '.join(self.like) or 'nothing'})"


class AskDistribution(Question[Distribution], frozen=True):
    """Which distribution this is; user space's word, which a container answers for itself."""

    asks = "machine"

    def put(self, machine: Machine) -> Distribution | NoAnswer:
        return remembered(machine, self, Distribution, _described_in(), self._found)

    def _found(self) -> Distribution | NoAnswer:
        return distribution_of() or NoAnswer("ENOENT", "no os-release file")

    def source(self) -> str:
        return "/etc/os-release"


def _described_in() -> list[str]:
    """All files that the library reads, there or not; none where its own variables move them."""
    if {"UNIXCONFDIR", "UNIXUSRLIBDIR"} & os.environ.keys():
        return []
    known = ["/etc/os-release", "/usr/lib/os-release", "/etc"]
    return [*known, *glob.glob("/etc/*[-_]release"), *glob.glob("/etc/*[-_]version")]


def distribution_of(os_release: str = "") -> Distribution | None:
    """The distribution that a file describes (empty: the system's own); None where none does.

    The id is the file's own, for the library calls Oracle Linux (`ol`) `oracle` and openSUSE Leap
    `opensuse`.
    """
    import distro  # costs start-up time

    facts = distro.LinuxDistribution(
        include_lsb=False, include_uname=False, os_release_file=os_release
    )
    found = facts.os_release_attr("id") or facts.id()
    like = tuple(facts.like().split())
    if not found:
        return None
    return Distribution(found, like, facts.version(), facts.codename(), facts.name(pretty=True))


class Identity(Answer, frozen=True):
    """What this process is to the kernel.

    `capabilities` is the effective set (CapEff) as a bit mask, `bounding` CapBnd. `seccomp` is
    the mode (0 none, 1 strict, 2 filter), None where the kernel has none: it was built without
    CONFIG_SECCOMP, or is older than Linux 3.8 (commit 2f4b3bf6b231). The namespaces are inodes; 0
    where unreadable. `memlock` is RLIMIT_MEMLOCK in bytes, soft and hard, -1 for no limit.
    """

    euid: int
    capabilities: int
    bounding: int
    seccomp: int | None
    user_namespace: int
    pid_namespace: int
    memlock: tuple[int, int]

    def shown(self) -> str:
        return (
            f"euid {self.euid}, CapEff {self.capabilities:016x}, CapBnd {self.bounding:016x}, "
            f"Seccomp {'?' if self.seccomp is None else self.seccomp}, "
            f"user namespace {self.user_namespace}, pid namespace {self.pid_namespace}, "
            f"RLIMIT_MEMLOCK {self.memlock[0]}/{self.memlock[1]}"
        )


class AskIdentity(Question[Identity], frozen=True):
    """Who asks: user, effective capabilities, seccomp mode, namespaces, memory lock limit."""

    privileged = True
    asks = "machine"

    def put(self, machine: Machine) -> Identity | NoAnswer:
        try:
            lines = Path("/proc/self/status").read_text().splitlines()
        except OSError as error:
            return NoAnswer.from_error(error)
        fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        try:
            return Identity(
                euid=os.geteuid(),
                capabilities=int(fields["CapEff"], 16),
                bounding=int(fields["CapBnd"], 16),
                seccomp=int(fields["Seccomp"]) if "Seccomp" in fields else None,
                user_namespace=_namespace("user"),
                pid_namespace=_namespace("pid"),
                memlock=resource.getrlimit(resource.RLIMIT_MEMLOCK),
            )
        except (KeyError, ValueError) as error:
            return NoAnswer("broken", f"/proc/self/status: {error}")

    def source(self) -> str:
        return "/proc/self/status, /proc/self/ns, getrlimit"


def _namespace(kind: str) -> int:
    try:
        return Path(f"/proc/self/ns/{kind}").stat().st_ino
    except OSError:
        return 0


class Space(Answer, frozen=True):
    """Room on a file system, in bytes: all of it, and what this user may still write.

    `inodes` are all that it can have (0: as many as there is room for), `free_inodes` those left
    for this user. `device` is that of stat(2); 0 where it was not recorded.
    """

    total: int
    free: int
    inodes: int = 0
    free_inodes: int = 0
    device: int = 0

    def shown(self) -> str:
        inodes = f", {self.free_inodes} of {self.inodes} inodes" if self.inodes else ""
        return f"{self.free} of {self.total} bytes{inodes} free"


class AskSpace(Question[Space], frozen=True):
    """How much room there is at a path, or at its nearest parent that exists and may be entered."""

    path: str
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> Space | NoAnswer:
        place = Path(self.path)
        try:
            while place != place.parent and not os.access(place, os.F_OK, effective_ids=True):
                place = place.parent
            usage, device = os.statvfs(place), os.stat(place).st_dev
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))
        return Space(
            total=usage.f_blocks * usage.f_frsize,
            free=usage.f_bavail * usage.f_frsize,
            inodes=usage.f_files,
            free_inodes=usage.f_favail,
            device=device,
        )

    def command(self) -> str:
        return f"df {self.path}"


def kernel_version(release: str) -> tuple[int, int]:
    """(6, 18) of the release `6.18.44-amd64`; (0, 0) of one that does not begin with a version."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})", release)
    return (int(found[1]), int(found[2])) if found else (0, 0)
