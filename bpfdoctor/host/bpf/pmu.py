"""The question whether this machine counts CPU cycles, which profilers sample by."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.perf import BY_FREQUENCY, DISABLED, one_bit, open_event
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.syscalls import UnknownArchitectureError

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

TYPE_HARDWARE, COUNT_CPU_CYCLES = 0, 0


class CountCycles(Question[Attempt], frozen=True):
    """Open the hardware's cycle counter on the first CPU, for every process; it never runs."""

    privileged = True
    asks = "machine"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        flags = one_bit(DISABLED) | one_bit(BY_FREQUENCY)
        try:
            os.close(open_event(TYPE_HARDWARE, COUNT_CPU_CYCLES, flags=flags))
        except UnknownArchitectureError as error:
            return NoAnswer("refused", str(error))
        except OSError as error:
            return Attempt.refused(Call.PERF_EVENT_OPEN, error)
        return Attempt()

    def source(self) -> str:
        return "perf_event_open(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, pid -1, cpu 0)"
