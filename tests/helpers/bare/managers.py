"""Other package managers in a root: its name, the driver of tests/roots, packages of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

DRIVE = Path(__file__).parents[2] / "roots/drive.py"


class Made(NamedTuple):
    """A package of a test's repository: its name, version, and how it goes with others."""

    name: str
    version: str = "1.0"
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def drive(root: Any, *arguments: str) -> dict[str, Any]:
    """Run the driver in a root, and read what it printed."""
    ended = root.run("/opt/bpfdoctor/bin/python", "/opt/drive.py", *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout or "{}")
    return found


def become(root: Any, os_release: str) -> None:
    """Let a root call itself another distribution, and give it the driver."""
    target = root.inside("/etc/os-release")
    target.unlink()
    target.write_text(os_release)
    if root.inside("/usr/lib/rpm").is_dir():
        macros = root.inside("/etc/rpm/macros")  # Debian's rpm has its database in the user's home
        macros.parent.mkdir(exist_ok=True)
        macros.write_text("%_dbpath /var/lib/rpm\n")
    shutil.copy(DRIVE, root.inside("/opt/drive.py"))


def build_rpms(root: Any, packages: Sequence[Made]) -> None:
    """Real packages by rpmbuild, in a real repository by createrepo_c, at /srv/repository."""
    for made in packages:
        lines = [
            f"Name: {made.name}",
            f"Version: {made.version}",
            "Release: 1",
            "Summary: x",
            "License: x",
            "BuildArch: noarch",
            *(f"Requires: {name}" for name in made.requires),
            *(f"Provides: {name}" for name in made.provides),
            *(f"Conflicts: {name}" for name in made.conflicts),
            "%description\nx\n%files\n",
        ]
        spec = root.inside(f"/tmp/{made.name}.spec")
        spec.write_text("\n".join(lines))
        root.must(
            *("rpmbuild", "-bb", "--quiet", "--define", "_rpmdir /srv/repository"),
            f"/tmp/{made.name}.spec",
        )
    root.must("createrepo_c", "-q", "/srv/repository")
