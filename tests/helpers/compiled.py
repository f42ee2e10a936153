"""BPF objects, compiled one by one: those of tests/vm/objects, or of a text."""

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


def compiled_text(place: Path, name: str, text: str) -> str:
    """The path of the object of a program that is given as text, `place/NAME.o`."""
    source, out = place / f"{name}.c", place / f"{name}.o"
    source.write_text(text)
    flags = ("-g", "-O2", "-target", "bpf")
    subprocess.run(["clang", *flags, "-c", source, "-o", out], check=True)
    return str(out)
