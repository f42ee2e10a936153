"""The question what this process is shut into: a container, a chroot, another machine's kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.mount_table import MOUNT_TABLE, mount_seen_at, read_mounts

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

FILES = (
    "/.dockerenv",  # Docker
    "/run/.containerenv",  # Podman, Buildah
    "/run/systemd/container",  # whatever follows systemd's container interface: lxc, nspawn
    "/var/run/secrets/kubernetes.io/serviceaccount",  # a pod
    "/proc/sys/fs/binfmt_misc/WSLInterop",  # WSL2
    "/run/WSL",
)
"""Marks that a container manager leaves; the file's path says whose."""

NAMES_MANAGER = "/run/systemd/container"

VARIABLES = ("container", "KUBERNETES_SERVICE_HOST", "WSL_DISTRO_NAME")


class Marks(Answer, frozen=True):
    """Signs of being shut in. `files` maps a mark to the manager that it names, if it does.

    `chroot`: the root directory is not that of the mount table (None: not known).
    `root_type`: the file system that the root directory is on (`overlay`), by the mount table.
    """

    files: dict[str, str]
    variables: dict[str, str]
    chroot: bool | None
    root_type: str
    first_process: str

    def shown(self) -> str:
        lines = [f"{path}: {text or '(empty)'}" for path, text in self.files.items()]
        lines += [f"{name}={value}" for name, value in self.variables.items()]
        lines.append(f"/ is {self.root_type or '?'}, chroot: {self.chroot}")
        return "\n".join((*lines, f"PID 1 here is {self.first_process or '?'}"))


class AskContainer(Question[Marks], frozen=True):
    """Which marks of a container manager, of WSL or of a chroot there are."""

    asks = "machine"

    def put(self, machine: Machine) -> Marks | NoAnswer:
        environ = machine.environ
        table = _root_mount()
        return Marks(
            files={path: _told_by(path) for path in FILES if os.path.lexists(path)},
            variables={name: environ[name][:80] for name in VARIABLES if name in environ},
            chroot=table == "" if table is not None else None,
            root_type=table or "",
            first_process=_start_of("/proc/1/comm"),
        )

    def source(self) -> str:
        return f"stat {' '.join(FILES)}; {MOUNT_TABLE}; /proc/1/comm"


def _root_mount() -> str | None:
    """The type of the file system mounted at /; empty where the table has none: a chroot."""
    try:
        root = mount_seen_at(read_mounts(), "/")
    except OSError:
        return None
    return root.type if root else ""


def _told_by(path: str) -> str:
    """The manager's name, where a mark has it; others name containers and images."""
    return _start_of(path) if path == NAMES_MANAGER else ""


def _start_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(200).decode(errors="backslashreplace").strip()
    except OSError:
        return ""
