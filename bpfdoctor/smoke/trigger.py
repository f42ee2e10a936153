"""What makes a program fire: done by us, and marked so that its event is told from others'."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.calls import MAP_CREATE, bpf
from bpfdoctor.host.system.facts import INITIAL_PID_NAMESPACE
from bpfdoctor.projects.model import Trigger

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

IP_AND_UDP = 28
"""Bytes of the headers before a UDP payload, without IP options."""


class Mark:
    """The trigger of one run: `pull` does it, `fill` puts what is its alone into a pattern."""

    def __init__(self, machine: Machine, kind: Trigger, program: str, directory: Path) -> None:
        self.machine, self.program, self.directory = machine, program, directory
        token = f"bpfd{secrets.token_hex(4)}"
        self.values = {"child": token, "file": token}
        self.target = 0
        self.socket: socket.socket | None = None
        self.pull: Callable[[], None] = {
            "exec": self._exec,
            "unlink": self._unlink,
            "packet": self._packet,
            "signal": self._signal,
            "bpf": self._bpf,
        }.get(kind, _nothing)
        if kind == "packet":
            self._open_socket()

    def started(self, pid: int) -> None:
        """The program runs as `pid`. The trace names processes as the initial namespace does."""
        self.target = pid
        known = False
        with contextlib.suppress(OSError):  # no /proc
            known = Path("/proc/self/ns/pid").stat().st_ino == INITIAL_PID_NAMESPACE
        task = re.escape(self.program[:15])
        self.values["pid"] = str(pid)
        self.values["task"] = rf"{task}-{pid}\b" if known else rf"{task}-\d+"

    def fill(self, pattern: str) -> re.Pattern[str]:
        """The pattern of a project file with this run's values. Raises re.error."""
        return re.compile(re.sub(r"\{([a-z]+)\}", lambda m: self.values.get(m[1], m[0]), pattern))

    def close(self) -> None:
        """Let go of the socket."""
        if self.socket is not None:
            self.socket.close()

    def _exec(self) -> None:
        place = self.directory / self.values["child"]
        if not place.is_symlink():
            place.symlink_to(shutil.which("true") or sys.executable)
        with contextlib.suppress(OSError):
            self.machine.run([f"./{place.name}"], timeout=5, cwd=self.directory)

    def _unlink(self) -> None:
        """By its bare name: `%s` of bpf_trace_printk shows 63 bytes on Linux 5.10."""
        (self.directory / self.values["file"]).touch()
        directory = os.open(self.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.unlink(self.values["file"], dir_fd=directory)
        finally:
            os.close(directory)

    def _open_socket(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.payload = bytes(100 + secrets.randbelow(900))
        self.values["port"] = str(self.socket.getsockname()[1])
        self.values["length"] = str(IP_AND_UDP + len(self.payload))

    def _packet(self) -> None:
        if self.socket is not None:
            with contextlib.suppress(OSError):  # its buffer is full: they have been seen
                self.socket.sendto(self.payload, socket.MSG_DONTWAIT, self.socket.getsockname())

    def _signal(self) -> None:
        # A process that runs takes no notice of SIGCONT.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.target, signal.SIGCONT)

    def _bpf(self) -> None:
        with contextlib.suppress(OSError):
            bpf(MAP_CREATE, bytes(8))  # of nothing: the hook comes before EINVAL


def _nothing() -> None:
    """The program fires by itself, or has ended by then."""
