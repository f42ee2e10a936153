"""BPF objects of tests/vm/objects, compiled one by one."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "vm" / "objects"


def compiled(place: Path, *names: str) -> list[str]:
    """The paths of the objects, `place/NAME.bpf.o`."""
    paths = [str(place / f"{name}.bpf.o") for name in names]
    argv = ["make", "-s", f"OUT={place}", *paths]
    done = subprocess.run(argv, cwd=SOURCES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return paths
