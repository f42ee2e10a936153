"""A probe in several system calls: which of them was refused, and everything closed at the end."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt, ProgramSpec, load_program
from bpfdoctor.host.bpf.late_close import close_later
from bpfdoctor.host.bpf.perf import attach_program, enable, open_event


class Steps(ExitStack):
    """The calls of one probe. `call` is the one being made; what they open is closed, last first.

    A program that is not pinned ends with its descriptor, and an attachment with its own.
    `at_once`: what is undone after an event needs that it is closed.
    """

    call: Call | str = ""
    at_once = False

    def keep(self, descriptor: int) -> int:
        """Close it when the probe is over."""
        self.callback(os.close, descriptor)
        return descriptor

    def load(self, program: ProgramSpec) -> int:
        """BPF_PROG_LOAD."""
        self.call = Call.PROG_LOAD
        return self.keep(load_program(program))

    def attach(
        self, program: int, kind: int, config: int, extension: tuple[int, int] = (0, 0)
    ) -> None:
        """Attach a program to an event, as libbpf does."""
        self.call = Call.PERF_EVENT_OPEN
        event = open_event(kind, config, extension)
        self.callback(os.close if self.at_once else close_later, event)
        self.call = Call.EVENT_SET_BPF
        attach_program(event, program)
        self.call = Call.EVENT_ENABLE
        enable(event)


def attempt(action: Callable[..., object], *given: object) -> Attempt:
    """What the kernel said to `action`: the errno of the first call that it refused, if any.

    It takes its steps and what is given.
    """
    with Steps() as steps:
        try:
            action(steps, *given)
        except OSError as error:
            return Attempt.refused(steps.call, error)
    return Attempt()
