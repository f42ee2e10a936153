"""What the programs that we start inherit of signals: nothing that our parent ignores or blocks.

`nohup`, `make test &` and CI runners start us with signals ignored. exec(2) keeps an ignored signal
ignored and a blocked one blocked, but resets one that has a handler: a handler that does nothing
ignores a signal for us alone. It is set once, for all that is ever started: a hook between fork and
exec is unsafe among threads. What Python ignores itself (SIGPIPE) `subprocess` restores.
"""

from __future__ import annotations

import signal
from types import FrameType

ENDING = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),
    *(signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
)
"""What programs expect to be ended by. Those of a terminal's job control stay as they are."""


def pass_none_on() -> None:
    """Keep what we inherited from our children; what we ignore, we go on ignoring.

    It belongs to the main thread, before any other is started: threads inherit the mask.
    """
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_IGN:
            ignore(number)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, no child's exit status is kept
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def ignore(number: int) -> None:
    """Ignore a signal here and not in what we start."""
    signal.signal(number, _nothing)
    signal.siginterrupt(number, False)  # a system call goes on, as where it is ignored


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass
