"""What is shown while steps run: on a terminal one line, with what a step prints just now."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import TextIO

from bpfdoctor.fix.applying.applier import Applier
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.applying.output import last_drawn
from bpfdoctor.fix.commands.options import Voice
from bpfdoctor.host.machine import Machine
from bpfdoctor.shell import BAR
from bpfdoctor.visible import Shown, fitting, put, visible

CLEAR = "\r\x1b[2K"


class StatusLine:
    """The progress of a step on a terminal: the newest line that its command printed."""

    def __init__(self, stream: TextIO, say: Callable[[str], object]) -> None:
        self.stream, self._say, self._shown = stream, say, False

    def detail(self, line: str) -> None:
        """Show a line in place of the last one, without the colours that its command gave it."""
        room = shutil.get_terminal_size().columns - 4
        put(self.stream, Shown(f"{CLEAR}{BAR}{fitting(visible(last_drawn(line)), room)}"))
        self._shown = True

    def say(self, text: str) -> None:
        """Say something that stays, where the status line was."""
        if self._shown:
            put(self.stream, Shown(CLEAR))
            self._shown = False
        self._say(text)


def applier_of(machine: Machine, voice: Voice, patience: Patience) -> Applier:
    """Runs steps on `machine`; what they print is shown while they run, if somebody watches."""
    elevation = Elevation(machine.environ, terminal=voice.terminal)
    if not voice.terminal:
        return Applier(machine, elevation, voice.say, patience)
    status = StatusLine(sys.stderr, voice.say)
    watched = Machine(machine.environ, machine.cache, status.detail)
    return Applier(watched, elevation, status.say, patience)
