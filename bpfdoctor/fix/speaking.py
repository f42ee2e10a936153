"""An applier that speaks through a command's voice: on a terminal, with a status line."""

from __future__ import annotations

import sys

from bpfdoctor.fix.apply import Applier, Patience
from bpfdoctor.fix.elevate import Elevation
from bpfdoctor.fix.options import Voice
from bpfdoctor.fix.status import StatusLine
from bpfdoctor.host.machine import Machine


def applier_of(machine: Machine, elevation: Elevation, voice: Voice, patience: Patience) -> Applier:
    """Runs steps on `machine`; what they print is shown while they run, if somebody watches."""
    if not voice.terminal:
        return Applier(machine, elevation, voice.say, patience)
    status = StatusLine(sys.stderr, voice.say)
    watched = Machine(machine.environ, machine.cache, status.detail)
    return Applier(watched, elevation, status.say, patience)
