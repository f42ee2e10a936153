"""Ctrl-C, TERM and HUP: end what was started, clean up, and exit with 128 + the signal's number."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType

from bpfdoctor.host.signals import ignore, pass_none_on

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REAPER = "bpfdoctor-reaper"
CLEANING, PATIENCE = 1.2, 1.6
"""Seconds after a signal that threads get to clean up, and after which the process ends without."""


class Stopped(BaseException):
    """Someone told us to stop; not an Exception, so that no crash boundary takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.deadline = time.monotonic() + CLEANING

    @property
    def exit_status(self) -> int:
        """As a shell reports a process that a signal ended."""
        return 128 + self.number


def stop_on_signals() -> None:
    """Make each signal raise `Stopped` in the main thread, unless our parent ignores it.

    What we start inherits none of it: there each signal does what it does by default.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    pass_none_on()


def _stop(number: int, _frame: FrameType | None) -> None:
    """The clean-up is under way after the first signal: further ones change nothing."""
    for each in SIGNALS:
        ignore(each)
    # In a thread of its own: the interrupted code may hold the lock that kill_all takes, and
    # whoever waits for a worker waits for the command that it runs.
    with contextlib.suppress(RuntimeError):  # no more threads: `end_commands` does it alone
        threading.Thread(target=_reap, args=(128 + number,), name=REAPER, daemon=True).start()
    raise Stopped(number)


def end_commands(deadline: float) -> None:
    """End every command that was started, until the threads that run them have cleaned up."""
    _call("end_all")
    while (threads := _others()) and time.monotonic() < deadline:
        threads[0].join(0.02)
        _call("end_all")  # whatever one of them was starting meanwhile
    kill_commands()


def kill_commands() -> None:
    """Kill every command that still runs."""
    _call("kill_all")


def _call(name: str) -> None:
    process = sys.modules.get("bpfdoctor.host.process")
    end = getattr(process, name, None)  # not loaded, or not wholly yet: nothing was started
    if end is not None:
        end()


def _others() -> list[threading.Thread]:
    """The other threads of this process that have started; we are the main thread."""
    us = threading.current_thread()
    others = (each for each in threading.enumerate() if each is not us and each.name != REAPER)
    return [each for each in others if each.is_alive()]


def _reap(exit_status: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        _call("end_all")
        time.sleep(0.05)
    kill_commands()
    os._exit(exit_status)
