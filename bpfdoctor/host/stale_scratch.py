"""Remove the scratch directories that killed runs left behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

PLACES = ("/run", "/var/tmp")  # noqa: S108  (looked through, nothing is made there)
"""Where scratch may lie beside the usual directory for temporary files."""

NAME = re.compile(r"bpfdoctor-[^-]+-(\d+)-")
STALE = 3600
"""Seconds without a change. Another PID namespace may share /tmp: there a process id proves little,
and no single step of a run takes as long."""


def sweep_scratch() -> list[str]:
    """Remove what dead runs of this user left; the paths of what was removed. Never raises."""
    removed: list[str] = []
    usual: tuple[str, ...] = ()
    with contextlib.suppress(OSError):  # there is none, or it is full
        usual = (tempfile.gettempdir(),)
    for place in dict.fromkeys((*usual, *PLACES)):
        with contextlib.suppress(OSError):
            removed += [str(path) for path in Path(place).iterdir() if _swept(path)]
    return removed


def _swept(path: Path) -> bool:
    pid = NAME.match(path.name)
    if pid is None or Path("/proc", pid[1]).exists():
        return False
    with contextlib.suppress(OSError):
        facts = path.lstat()
        if facts.st_uid == os.geteuid() and time.time() - facts.st_mtime > STALE:
            shutil.rmtree(path, ignore_errors=True)
            return not path.exists()
    return False
