"""Python in a process of its own that the kernel ends when its CPU time is out.

A regular expression that has begun cannot be interrupted from inside its process.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys

MOST_CPU = 20
"""Seconds of CPU time for what takes well below one, and would otherwise take for ever."""


def within_cpu(code: str, *arguments: str, given: str = "", seconds: int = MOST_CPU) -> str:
    """What `code` writes to its standard output, with `given` on its standard input.

    Fails where it needs more than `seconds` of CPU time, or ends with an error.
    """

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=given.encode(errors="surrogateescape"),
        capture_output=True,
        check=False,
        preexec_fn=limited,
    )
    assert ended.returncode not in (-signal.SIGKILL, -signal.SIGXCPU), (
        f"more than {seconds} s of CPU time: {' '.join(arguments)}"
    )
    assert ended.returncode == 0, ended.stderr.decode(errors="replace")[-2000:]
    return ended.stdout.decode(errors="surrogateescape")
