"""Directories within each other, deeper than a path may be long."""

from __future__ import annotations

import os
from pathlib import Path


def deepen(directory: Path, levels: int) -> None:
    """Make them below a directory; whoever does removes them, for pytest fails over them."""
    place = os.open(directory, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
