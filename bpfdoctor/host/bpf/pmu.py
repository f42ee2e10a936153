"""The question whether this machine counts CPU cycles, which profilers sample by."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.perf import BY_FREQUENCY, DISABLED, FLAG_FD_CLOEXEC, one_bit
from bpfdoctor.host.bpf.syscalls import UnknownArchitectureError, numbers, syscall
from bpfdoctor.host.question import NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

TYPE_HARDWARE, COUNT_CPU_CYCLES = 0, 0
FIRST_SIZE = 64
"""PERF_ATTR_SIZE_VER0: what every kernel takes."""


class CountCycles(Question[Attempt], frozen=True):
    """Open the hardware's cycle counter on the first CPU, for every process; it never runs."""

    privileged = True

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        flags = one_bit(DISABLED) | one_bit(BY_FREQUENCY)
        # struct perf_event_attr: type, size, config, sample_freq, sample_type, read_format, flags,
        # wakeup_events, bp_type, config1.
        attributes = struct.pack("=IIQQQQQIIQ", TYPE_HARDWARE, FIRST_SIZE, COUNT_CPU_CYCLES, 1,
                                 0, 0, flags, 0, 0, 0)  # fmt: skip
        buffer = ctypes.create_string_buffer(attributes, len(attributes))
        call = (ctypes.addressof(buffer), -1, 0, -1, FLAG_FD_CLOEXEC)
        try:
            os.close(syscall(numbers().perf_event_open, *call))
        except UnknownArchitectureError as error:
            return NoAnswer("refused", str(error))
        except OSError as error:
            return Attempt.refused("perf_event_open", error)
        return Attempt()

    def source(self) -> str:
        return "perf_event_open(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, pid -1, cpu 0)"
