"""A sudo of the test's own: a script that notes how it is called."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Sudo(NamedTuple):
    """Where sudo is looked for, and the file in which it notes each call."""

    place: Path
    log: Path

    def installed(self, *, quietly: int, asking: int = 1) -> None:
        """It exits with these statuses where it is called with `-n` and with `-v`."""
        asked = f'[ "$1" = -v ] && exit {asking}; [ {quietly} = 0 ] || exit {quietly}'
        self.is_script(f'printf "%s\\n" "$*" >> {self.log}; {asked}; shift; exec "$@"')

    def is_script(self, text: str) -> None:
        """It is a script of the shell."""
        (self.place / "sudo").write_text(f"#!/bin/sh\n{text}\n")
        (self.place / "sudo").chmod(0o755)

    @property
    def heard(self) -> list[str]:
        """The arguments of each call."""
        return self.log.read_text().splitlines()
