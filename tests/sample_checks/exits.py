"""Checks that end their process."""

import contextlib
import os
import signal
import sys
import threading

from bpfdoctor.api import Context, Findings, check


@check("sample.exits", title="exits")
def exits(context: Context) -> Findings:
    """Exit as if all were well."""
    sys.exit(0)


@check("sample.leaves", title="leaves")
def leaves(context: Context) -> Findings:
    """Exit without any clean-up, having said why."""
    os.write(2, b"one thing\nled to \xff another\nand that was it\n")
    os._exit(7)


@check("sample.killed", title="killed")
def killed(context: Context) -> Findings:
    """Die of a signal."""
    os.kill(os.getpid(), signal.SIGKILL)


@check("sample.crashes", title="crashes")
def crashes(context: Context) -> Findings:
    """Crash the interpreter."""
    os.kill(os.getpid(), signal.SIGSEGV)


@check("sample.deaf", title="deaf")
def deaf(context: Context) -> Findings:
    """Close every pipe, and go on."""
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.close(number)
    threading.Event().wait()
    return None
