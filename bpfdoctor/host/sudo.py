"""Where sudo is, and where root's commands are looked for."""

from __future__ import annotations

import shutil

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of what runs as root: the user's own is not trusted with that power."""


def bare_environment() -> dict[str, str]:
    """What sudo itself is started in: nothing that it could keep for root (!env_reset, env_keep).

    Without secure_path it looks for commands on this PATH.
    """
    return {"PATH": SYSTEM_PATH, "LC_ALL": "C"}


def find_sudo(path: str) -> str | None:
    """Find the sudo that a PATH leads to; None where it leads to none."""
    return shutil.which("sudo", path=path)
