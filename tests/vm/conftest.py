"""Kernels that are not this one. `-m vm` runs the whole matrix; without it, one kernel is tried."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from loud import require
from virtual.payload import payload

TOOLS = (
    "qemu-system-x86_64",
    "cpio",
    "depmod",
    "dpkg",
    "apt-get",
    "clang",
    "bpftool",
    "make",
    "cc",
)
"""Debian's qemu-system-x86, cpio, kmod, dpkg, apt, clang, bpftool, make, gcc."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the matrix out unless it is asked for: it takes the better part of an hour."""
    if "vm" in config.option.markexpr:
        return
    matrix = [each for each in items if each.get_closest_marker("vm")]
    if matrix:
        config.hook.pytest_deselected(items=matrix)
        items[:] = [each for each in items if each not in matrix]


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a guest gets: bpfdoctor, and the programs (of $BPFDOCTOR_CHECKOUT where that is set)."""
    require("root", *TOOLS)  # root: device nodes of the guest
    real = os.environ.get("BPFDOCTOR_CHECKOUT")
    place = tmp_path_factory.mktemp("guest")
    return payload(place, Path(real) if real else None)
