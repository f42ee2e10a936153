"""Numbers for what has many: the same host or user is written the same throughout a run."""

from __future__ import annotations

import threading
from collections.abc import Collection

from bpfdoctor.host.redact_allowlist import COMMON, is_public_host
from bpfdoctor.host.redact_patterns import is_address


class Tokens:
    """What is written for a host, an address and a user; `hosts` and `users` are this run's own."""

    def __init__(self, hosts: Collection[str], users: Collection[str]) -> None:
        self._own_hosts, self._own_users = hosts, users
        self._hosts: dict[str, str] = {}
        self._users: dict[str, str] = {}
        self._lock = threading.Lock()

    def host(self, name: str) -> str:
        """`$HOST`, `$HOST1` …; a host that everybody knows keeps its name."""
        name = name.lower()
        if is_public_host(name) or name.startswith("127."):
            return name
        if name in self._own_hosts:
            return "$HOST"
        with self._lock:
            return self._hosts.setdefault(name, f"$HOST{len(self._hosts) + 1}")

    def user(self, name: str) -> str:
        """`$USER`, `$USER2` …; a name that everybody has stays."""
        if name in self._own_users:
            return "$USER"
        if name.lower() in COMMON:
            return name
        with self._lock:
            return self._users.setdefault(name, f"$USER{len(self._users) + 2}")

    def address(self, text: str) -> str:
        """As `host`, for what is the address of one; else nothing."""
        return self.host(text) if is_address(text) else ""
