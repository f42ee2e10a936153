"""What leaves a process behind, in a session of its own, with all that it was given still open."""

import os
import signal
from pathlib import Path

from bpfdoctor.api import Context, Finding, check, passed


def leave_behind() -> None:
    """Fork twice, as a daemon does; it waits for a signal, for ever."""
    if os.fork() == 0:
        os.setsid()
        if (pid := os.fork()) == 0:
            signal.pause()
        with Path(__file__).with_name("pids").open("a") as file:
            file.write(f"{pid}\n")
        os._exit(0)
    os.wait()


if os.environ.get("SAMPLE_FORKS") == "import":
    leave_behind()
    os._exit(3)


@check("sample.forks", title="leaves a process behind", limit=60)
def forks(context: Context) -> Finding:
    """Leave a process behind and pass."""
    leave_behind()
    return passed("done")


@check("sample.abandons", title="leaves a process behind and no result", limit=60)
def abandons(context: Context) -> Finding:
    """Leave a process behind and end."""
    leave_behind()
    os._exit(3)
