"""A C library that carries USDT probes, for guests whose own has none.

Debian 12's is built without them, sid's with them. It runs what was linked to an older one.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from virtual.packages import HOME, Suite

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
WITH_PROBES = "/opt/libc-with-probes"
"""Where a guest has it: beside its own, which a circumstance covers with it."""

COVER = (
    f'for each in {WITH_PROBES}/*; do busybox mount --bind "$each" '
    f'"{LIBRARIES}/${{each##*/}}" || exit 1; done'
)
"""For a shell: one file after the other. Halfway, only what is linked statically can start."""


def add_libc(root: Path) -> None:
    """Put the libraries of sid's libc6 into a guest's root."""
    target = root / WITH_PROBES.lstrip("/")
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=HOME) as scratch:
        Suite("sid").unpack(["libc6"], Path(scratch))
        for library in Path(scratch + LIBRARIES).glob("*.so*"):
            shutil.copy(library, target)
    assert b".note.stapsdt" in (target / "libc.so.6").read_bytes(), "sid's libc has no USDT probes"
