"""perf_event_open(2): what tracepoints, kprobes and uprobes hang on.

Only `Question.put` calls these.
"""

from __future__ import annotations

import ctypes
import struct
import sys

from bpfdoctor.host.syscalls import ioctl, numbers, syscall

TYPE_SOFTWARE, TYPE_TRACEPOINT = 1, 2
COUNT_SW_DUMMY = 9
"""A software event that counts nothing (Linux 3.12)."""

FLAG_FD_CLOEXEC = 8

DISABLED, BY_FREQUENCY = 0, 10
"""`disabled` and `freq` of struct perf_event_attr: which of its one-bit fields, from the first."""


def one_bit(field: int, order: str = sys.byteorder) -> int:
    """A one-bit field in the 64-bit word that holds them: a big-endian ABI begins at the top."""
    return 1 << (field if order == "little" else 63 - field)


def open_event(  # noqa: PLR0913  (as perf_event_open(2))
    kind: int,
    config: int,
    extension: tuple[int, int] = (0, 0),
    *,
    flags: int = 0,
    pid: int = -1,
    cpu: int = 0,
) -> int:
    """A descriptor of an event. Raises OSError. `extension` is config1 and config2, `flags` the
    word of one-bit fields.

    `pid` and `cpu` as libbpf gives them: -1 and 0 for tracepoints and kprobes. For a tracepoint
    neither limits a BPF program, which runs for every process on every CPU.
    """
    # struct perf_event_attr up to branch_sample_type, PERF_ATTR_SIZE_VER2 (Linux 3.3): type, size,
    # config, sample_period, sample_type, read_format, flags, wakeup_events, bp_type, config1,
    # config2, branch_sample_type.
    attributes = struct.pack("=IIQQQQQIIQQQ", kind, 80, config, 1, 0, 0, flags, 1, 0,
                             *extension, 0)  # fmt: skip
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    call = (ctypes.addressof(buffer), pid, cpu, -1, FLAG_FD_CLOEXEC)
    return syscall(numbers().perf_event_open, *call)


def attach_program(event: int, program: int) -> None:
    """PERF_EVENT_IOC_SET_BPF, _IOW('$', 8, __u32). Raises OSError."""
    ioctl(event, numbers().ioctl_write | 4 << 16 | ord("$") << 8 | 8, program)


def enable(event: int) -> None:
    """PERF_EVENT_IOC_ENABLE, _IO('$', 0). Raises OSError."""
    ioctl(event, numbers().ioctl_none | ord("$") << 8, 0)
