"""The command line: one module a command; nothing but arguments and calls."""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing takes 2 ms, in which a signal would end in a traceback of Python's
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import NoReturn

GARBAGE = 50_000
"""Objects made before Python looks for circles of them: a run is short, and imports make none."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bpfdoctor`; the exit status."""
    import gc

    gc.set_threshold(GARBAGE)
    from bpfdoctor.cli.boundary import guarded

    return guarded(list(sys.argv[1:] if arguments is None else arguments))


def whole() -> int:
    """Run `bpfdoctor` as all that this process does; the exit status.

    A signal ends it at any moment with 128 + its number, also before there is anything to clean up
    and when that is done.
    """
    end_at_once_on_signals()
    try:
        status = main()
        end_at_once_on_signals()
    except BaseException as error:
        from bpfdoctor.cli.stopping import Stopped  # between the end of the run and this line

        if not isinstance(error, Stopped):
            raise
        return error.exit_status
    return status


def end_at_once_on_signals() -> None:
    """End with 128 + the number at INT, TERM and HUP, unless our parent ignores them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end_at_once)


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


def console() -> NoReturn:
    """Run `bpfdoctor` as a program, and end at once with its exit status.

    What it made is removed by then and what it says is written: there is nothing left that Python
    would have to take apart, object by object, for 25 ms.
    """
    status = whole()
    sys.stdout.flush()
    sys.stderr.flush()
    pool = sys.modules.get("bpfdoctor.host.leash_pool")  # not loaded: nothing was started
    if pool is not None:
        pool.close()
    os._exit(status)
