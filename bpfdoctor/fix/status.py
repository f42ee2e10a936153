"""One line on the terminal that says what a step prints just now; cleared before anything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TextIO

CLEAR = "\r\x1b[2K"


class StatusLine:
    """The progress of a step on a terminal: the newest line that its command printed."""

    def __init__(self, stream: TextIO, say: Callable[[str], object]) -> None:
        self.stream, self._say, self._shown = stream, say, False

    def detail(self, line: str) -> None:
        """Show a line in place of the last one; what cannot be printed is shown as `?`."""
        room = shutil.get_terminal_size().columns - 4
        text = "".join(
            c if c.isprintable() else "?" for c in line.rsplit("\r", maxsplit=1)[-1].strip()
        )
        self.stream.write(f"{CLEAR}  {text[:room]}")
        self.stream.flush()
        self._shown = True

    def say(self, text: str) -> None:
        """Say something that stays, where the status line was."""
        if self._shown:
            self.stream.write(CLEAR)
            self.stream.flush()
            self._shown = False
        self._say(text)
