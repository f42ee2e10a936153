"""Start a command as nohup, a shell's `&` or a CI runner does: with signals ignored, or blocked."""

from __future__ import annotations

import signal
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

LAUNCHER = """
import os, signal, sys
ignored, blocked = ([int(each) for each in word.split()] for word in sys.argv[1:3])
for number in ignored:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
os.execv(sys.argv[3], sys.argv[3:])
"""
SHOW = ("grep", "-h", "^Sig", "/proc/self/status")
"""Prints what it inherited, for `kept_from_us`. Without a shell: dash blocks nothing any more."""


def inheriting(
    argv: Sequence[str], ignored: Collection[int] = (), blocked: Collection[int] = ()
) -> list[str]:
    """A command that runs `argv`, which begins with a path, these signals ignored or blocked."""
    words = [" ".join(str(int(number)) for number in each) for each in (ignored, blocked)]
    return [sys.executable, "-I", "-c", LAUNCHER, *words, *argv]


def kept_from_us(status: str) -> dict[str, set[signal.Signals]]:
    """The signals that a process ignores and blocks, by the lines of its /proc/PID/status."""
    fields = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Sig"))
    return {name: _in_mask(int(fields[name], 16)) for name in ("SigIgn", "SigBlk")}


def status_of(pid: int) -> str:
    """The lines of /proc/PID/status."""
    return Path(f"/proc/{pid}/status").read_text()


def _in_mask(mask: int) -> set[signal.Signals]:
    return {each for each in signal.Signals if mask >> (each - 1) & 1}
