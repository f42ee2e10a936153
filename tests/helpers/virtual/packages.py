"""Debian packages for the virtual machines: fetched through a private apt state, unpacked by dpkg.

The mirror's address is read from the system's own apt configuration at run time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mirror import debian_mirror

HOME = Path(
    os.environ.get("BPFDOCTOR_VM_HOME") or Path.home() / ".cache" / "bpfdoctor-tests" / "vm"
)
"""Where kernels and guest roots are kept between runs, outside any repository."""

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold what is kept in HOME against other test processes."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Suite:
    """One Debian suite, asked through apt directories of our own."""

    def __init__(self, name: str, architecture: str = "amd64") -> None:
        self.state = HOME / "apt" / name
        self.name, self.architecture = name, architecture

    def options(self) -> list[str]:
        """What keeps apt in our own directories."""
        settings = {
            "Dir::State::Lists": self.state / "lists",
            "Dir::State::status": self.state / "status",
            "Dir::Cache": self.state / "cache",
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": self.state / "sources",
            "APT::Architecture": self.architecture,
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
        }
        return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]

    def update(self) -> None:
        """Fetch the suite's lists, once a day."""
        stamp = self.state / "updated"
        if stamp.exists() and stamp.stat().st_mtime > _yesterday():
            return
        for part in ("lists/partial", "cache/archives/partial", "sources"):
            (self.state / part).mkdir(parents=True, exist_ok=True)
        (self.state / "status").touch()
        source = f"deb [signed-by={KEYRING}] {debian_mirror()} {self.name} main\n"
        (self.state / "sources" / "suite.list").write_text(source)
        _run(["apt-get", *self.options(), "-qq", "update"])
        stamp.touch()

    def names(self, pattern: str) -> list[str]:
        """The packages whose name matches, oldest version first."""
        self.update()
        out = _run(["apt-cache", *self.options(), "search", "--names-only", pattern])
        return sorted((line.split(" ")[0] for line in out.splitlines()), key=_by_version)

    def depends(self, package: str) -> str:
        """The Depends field of a package."""
        out = _run(["apt-cache", *self.options(), "show", package])
        return next((line for line in out.splitlines() if line.startswith("Depends:")), "")

    def unpack(self, packages: list[str], root: Path) -> None:
        """Download packages (not what they depend on) and unpack them below `root`."""
        self.update()
        debs = HOME / "debs" / self.name
        debs.mkdir(parents=True, exist_ok=True)
        root.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", *self.options(), "-qq", "download", *packages], cwd=debs)
        for package in packages:
            newest = max(debs.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)
            archive = subprocess.run(
                ["dpkg", "--fsys-tarfile", newest], capture_output=True, check=True
            ).stdout
            subprocess.run(
                ["tar", "-x", "--keep-directory-symlink", "-C", root], input=archive, check=True
            )


def _by_version(name: str) -> list[tuple[int, str]]:
    return [(int(part or 0), text) for part, text in re.findall(r"(\d+)|(\D+)", name)]


def _yesterday() -> float:
    import time

    return time.time() - 86_400


def _run(argv: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv[0]} {argv[-1]}: {done.stderr[-2000:]}"
    return done.stdout
