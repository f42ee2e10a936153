"""The one place that elevates: what is put in front of a command that needs root.

`sudo -n` first, which never asks; then, on a terminal, sudo once, which asks for the password and
remembers it for the commands that follow.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping

from bpfdoctor.host.sudo import SYSTEM_PATH, bare_environment, find_sudo

PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
PATIENCE = 20.0
"""Seconds that sudo may take where it asks for nothing."""


def sudo_is_typed() -> bool:
    """Whether a person types `sudo` for root's commands here: not root, and it is installed."""
    return os.geteuid() != 0 and find_sudo(SYSTEM_PATH) is not None


class Elevation:
    """How this run becomes root; nothing is asked of sudo before a step needs it."""

    def __init__(self, environ: Mapping[str, str], *, terminal: bool) -> None:
        self.environ, self.terminal = environ, terminal
        self._prefix: tuple[str, ...] | None = None
        self._refused = ""

    @property
    def refused(self) -> str:
        """Why there is no way to become root; empty if there is one."""
        self.prefix()
        return self._refused

    def prefix(self) -> tuple[str, ...] | None:
        """What goes before a privileged command: nothing for root; None where there is no way."""
        if os.geteuid() == 0:
            return ()
        if self._prefix is None and not self._refused:
            self._find()
        return self._prefix

    def _find(self) -> None:
        sudo = find_sudo(SYSTEM_PATH)
        if sudo is None:
            self._refused = "sudo is not installed"
        elif _quietly((sudo, "-n", "true")) or (self.terminal and _asking((sudo, "-v"))):
            self._prefix = (sudo, "-n")
        elif self.terminal:
            self._refused = "sudo refused"
        else:
            self._refused = "sudo needs a password, and there is no terminal to ask for it"

    def command(self, argv: tuple[str, ...], extra: Mapping[str, str]) -> list[str]:
        """The argument list that runs `argv` as root in a minimal environment.

        Raises PermissionError where there is no way to become root.
        """
        prefix = self.prefix()
        if prefix is None:
            raise PermissionError(self._refused)
        if not prefix:
            return list(argv)
        settings = [f"{name}={value}" for name, value in self.minimal(extra).items()]
        return [*prefix, "env", *settings, *argv]

    def minimal(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The environment of root's commands: fixed, but for the proxies that reach the network."""
        proxies = {name: value for name, value in self.environ.items() if name.lower() in PROXIES}
        return {"PATH": SYSTEM_PATH, "HOME": "/root", "LC_ALL": "C", **proxies, **extra}

    def stopper(self) -> Callable[[int, int], None]:
        """Sends a signal to a process of root's; sudo passes it on to the command."""

        def stop(pid: int, number: int) -> None:
            prefix = self.prefix()
            if prefix:
                _quietly((*prefix, "kill", f"-{number}", "--", str(pid)))

        return stop


def _quietly(argv: tuple[str, ...]) -> bool:
    """Whether sudo runs a command, which gets nothing of the user's environment either.

    Where sudo is set to keep it, that decides which `true` root runs, and with which libraries.
    """
    try:
        ended = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env=bare_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def _asking(argv: tuple[str, ...]) -> bool:
    """sudo asks on the terminal itself."""
    try:
        return subprocess.run(argv, stdout=2, check=False).returncode == 0
    except OSError:
        return False
