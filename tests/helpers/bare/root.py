"""A root of its own for one test."""

from __future__ import annotations

import subprocess
from pathlib import Path

VENV = "/opt/bpfdoctor"
"""Where bpfdoctor is in every root."""


class Root:
    """A root of its own for one test: commands run in it by chroot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}
        self.mounted: list[Path] = []

    def run(
        self, *argv: str, user: str = "", timeout: float = 900, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the root, and hand back what it printed."""
        as_user = (f"--userspec={user}:{user}",) if user else ()
        return subprocess.run(
            ["chroot", *as_user, str(self.path), *argv],
            env={**self.environ, **(extra or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=timeout,
            check=False,
        )

    def start(self, *argv: str, extra: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in the root: its PID is that of the command itself."""
        return subprocess.Popen(
            ["chroot", str(self.path), *argv],
            env={**self.environ, **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def must(self, *argv: str) -> str:
        """Run a command that has to succeed."""
        ended = self.run(*argv)
        assert ended.returncode == 0, f"{argv}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def bpfdoctor(
        self, *arguments: str, user: str = "", extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run bpfdoctor in the root."""
        return self.run(f"{VENV}/bin/bpfdoctor", *arguments, user=user, extra=extra)

    def inside(self, path: str) -> Path:
        """The place of an absolute path of the root."""
        return self.path / path.lstrip("/")

    def mount(self) -> None:
        """What every system has: proc, sys (without tracefs) and dev; the root is no mount."""
        for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("devtmpfs", "dev")):
            target = self.path / place
            argv = ["mount", "-t", kind, kind, str(target)]
            if kind == "devtmpfs":
                argv = ["mount", "--bind", "/dev", str(target)]
            subprocess.run(argv, check=True)
            self.mounted.append(target)

    def unmount(self) -> None:
        """Whatever is mounted below the root, deepest first."""
        for target in reversed(self.mounted):
            subprocess.run(["umount", "-R", str(target)], check=False, capture_output=True)
        left = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted((p for p in left if p.startswith(f"{self.path}/")), reverse=True):
            subprocess.run(["umount", "-l", place], check=False, capture_output=True)
