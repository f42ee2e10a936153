"""The roots that copies are made of, built with debootstrap.

They are kept outside the repository, in `BPFDOCTOR_ROOTS` or `~/.cache/bpfdoctor-roots`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mirror import debian_mirror

from bare.root import Root

TOO_OLD = ("bullseye",)
"""Releases whose own Python is too old for bpfdoctor: the Python of these tests runs there."""


def template(suite: str, packages: Sequence[str]) -> Path:
    """The root that copies are made of; with `packages`, one that holds these as well."""
    bare = _cache() / suite
    if not bare.is_dir():
        _build(suite, bare)
        _empty_lists(bare)
    if not packages:
        return bare
    target = _cache() / "-".join((suite, *packages))
    if not target.is_dir():
        building = target.with_suffix(".building")
        shutil.rmtree(building, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(bare), str(building)], check=True)
        root = Root(building)
        root.mount()
        try:
            root.must("apt-get", "update")
            root.must("apt-get", "install", "-y", "--no-install-recommends", *packages)
        finally:
            root.unmount()
        _empty_lists(building)
        building.rename(target)
    return target


def _build(suite: str, target: Path) -> None:
    """Debootstrap a root and take away apt's lists, as an image of a distribution does."""
    building = target.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)
    python = "" if suite in TOO_OLD else ",python3,python3-venv"
    included = f"--include=ca-certificates{python}"
    argv = ["debootstrap", "--variant=minbase", included, suite, str(building), debian_mirror()]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    settings = building / "etc/apt/apt.conf.d/old-mirror"  # of sid's lists, one may have run out
    settings.write_text('Acquire::Check-Valid-Until "false";\n')
    building.rename(target)


def _empty_lists(root: Path) -> None:
    lists = root / "var/lib/apt/lists"
    shutil.rmtree(lists, ignore_errors=True)
    (lists / "partial").mkdir(parents=True)


def _cache() -> Path:
    chosen = os.environ.get("BPFDOCTOR_ROOTS")
    place = Path(chosen) if chosen else Path.home() / ".cache/bpfdoctor-roots"
    place.mkdir(parents=True, exist_ok=True)
    return place
