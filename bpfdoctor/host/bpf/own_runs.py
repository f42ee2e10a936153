"""Programs that count those of their runs that we ourselves bring about.

The kernel runs a program on a function or a tracepoint for everybody. Ours looks at the name of the
thread (bpf_get_current_comm, Linux 4.2, commit ffeedafbf023), which is random for as long as we
pull the trigger: so it counts nobody else's call, and no number of a process has to be known, which
is another in each PID namespace.
"""

from __future__ import annotations

import ctypes
import secrets
import string
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from bpfdoctor.host.bpf.asm import BPF_ADD, BPF_DW, BPF_REG_1, BPF_REG_2, BPF_REG_7, BPF_REG_10
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.counting import counting_code, counting_map, hits_in, with_map
from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.bpf.macros import alu64_imm, call, ldx_mem, mov64_imm, mov64_reg
from bpfdoctor.host.bpf.steps import Steps

NAME_SIZE = 16
"""TASK_COMM_LEN of linux/sched.h, the final zero byte included."""

BY_NAME = (
    mov64_reg(BPF_REG_1, BPF_REG_10),
    alu64_imm(BPF_ADD, BPF_REG_1, -24),
    mov64_imm(BPF_REG_2, NAME_SIZE),
    call(HELPERS["get_current_comm"].number),
    ldx_mem(BPF_DW, BPF_REG_7, BPF_REG_10, -24),
)
"""The first eight bytes of the thread's name."""

EVERY_ONE = (mov64_imm(BPF_REG_7, 1),)
"""Of what nobody but us can reach, each run counts."""

PR_SET_NAME, PR_GET_NAME = 15, 16
"""linux/prctl.h."""


class OwnRuns:
    """A map that counts runs, and the code of a program that counts in it. Raises OSError."""

    def __init__(self, steps: Steps, *, returns: int, named: bool = False) -> None:
        letters = string.ascii_letters + string.digits
        self.name = "".join(secrets.choice(letters) for _ in range(8)).encode()
        magic = struct.unpack("=Q", self.name)[0] if named else 1
        steps.call = Call.MAP_CREATE
        self.map = steps.keep(counting_map(magic))
        code, reference = counting_code(*(BY_NAME if named else EVERY_ONE), returns=returns)
        self.code = with_map(code, (reference,), self.map)

    @property
    def hits(self) -> int:
        """How many runs were counted. Raises OSError."""
        return hits_in(self.map)


@contextmanager
def thread_named(name: bytes) -> Iterator[None]:
    """Give this thread another name for a while. Raises OSError where a filter forbids it."""
    before = ctypes.create_string_buffer(NAME_SIZE)
    _prctl(PR_GET_NAME, before)
    _prctl(PR_SET_NAME, ctypes.create_string_buffer(name, NAME_SIZE))
    try:
        yield
    finally:
        _prctl(PR_SET_NAME, before)


def _prctl(option: int, name: ctypes.Array[ctypes.c_char]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(ctypes.addressof(name)), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
