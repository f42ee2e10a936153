"""What a program prints, as it prints it: stdout is a terminal, so that libc keeps no line back."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import termios

LIMIT = 1 << 20
"""Bytes of a program's output that are read and kept."""


class Terminal:
    """A pseudo-terminal for stdout (a pipe where there is none) and a pipe for stderr.

    `live` says that stdout is a terminal, so that its lines come as they are printed.
    """

    def __init__(self) -> None:
        self._read_end, self.stdout = _terminal()
        self.live = os.isatty(self.stdout)
        self._errors, self.stderr = os.pipe2(os.O_CLOEXEC)
        self._open = [self._read_end, self._errors]
        self._kept = {self._read_end: bytearray(), self._errors: bytearray()}
        for end in self._open:
            os.set_blocking(end, False)

    def started(self) -> None:
        """The program has its ends; ours are closed, so that its end is seen."""
        os.close(self.stdout)
        os.close(self.stderr)

    def wait(self, seconds: float) -> None:
        """Wait for output, at most `seconds`."""
        select.select([], [], [], seconds) if not self._open else select.select(
            self._open, [], [], seconds
        )

    def read(self) -> None:
        """Read what is there."""
        for end in list(self._open):
            while self._read_some(end):
                pass

    def _read_some(self, end: int) -> bool:
        try:
            data = os.read(end, 1 << 16)
        except BlockingIOError:
            return False
        except OSError:  # EIO: the last holder of the terminal is gone
            data = b""
        if not data:
            self._open.remove(end)
            return False
        kept = self._kept[end]
        kept += data[: max(0, LIMIT - len(kept))]
        return True

    def lines(self) -> list[str]:
        """The lines so far: those of stdout, then those of stderr."""
        texts = (bytes(kept).decode(errors="backslashreplace") for kept in self._kept.values())
        return [line for text in texts for line in text.splitlines() if line]

    def close(self) -> None:
        """Close our ends."""
        for end in self._kept:
            os.close(end)


def _terminal() -> tuple[int, int]:
    try:
        ours, theirs = pty.openpty()
    except OSError:  # no devpts here
        return os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST  # lines end as they were written
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    return ours, theirs
