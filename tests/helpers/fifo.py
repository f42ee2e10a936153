"""What a process of a test says through a FIFO, and its end, waited for without sleeping."""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path


class Fifo:
    """A FIFO through which processes say their ids, a line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        path.chmod(0o666)
        self.end = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def pid(self) -> int:
        """The next id that is said."""
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.end], [], [], 60)
            assert ready, "nothing was started"
            line += os.read(self.end, 1)
        return int(line)

    def close(self) -> None:
        """Close our end."""
        os.close(self.end)


def ends(pid: int) -> bool:
    """Whether a process ends, waited for; a zombie has ended."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            return bool(select.select([descriptor], [], [], 60)[0])
        finally:
            os.close(descriptor)
    return True
