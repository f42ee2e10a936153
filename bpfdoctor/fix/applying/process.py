"""Running one command of a plan: streamed, given up when it falls silent, ended gently.

`host.process` kills what it runs at once, which is right for a question and wrong for a package
manager: dpkg would be left half configured. Here a command is told to stop and is given time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

import msgspec

from bpfdoctor.fix.applying.output import Outputs, Reader, Watch
from bpfdoctor.host.credentials import Credentials

GRACE = 8.0
"""Seconds that an interrupted command gets to end by itself."""


class StepExit(msgspec.Struct, frozen=True):
    """How a command ended. `exit_code` None: `reason` says why there is none.

    `cut_off`: it was begun, and what it did before it ended, or does yet, is not known.
    """

    exit_code: int | None
    output: str
    stdout: bytes = b""
    reason: str = ""
    cut_off: bool = False

    @property
    def ok(self) -> bool:
        """It exited 0."""
        return self.exit_code == 0


def run_step(
    argv: Sequence[str],
    environ: Mapping[str, str],
    watch: Watch,
    *,
    cwd: str = "",
    identity: Credentials | None = None,
) -> StepExit:
    """Run a command to its end. Whatever stops us (Ctrl-C) stops it too, and is raised again."""
    try:
        outputs = Outputs.of(watch)
        process = _start(argv, environ, cwd, identity, outputs)
    except (OSError, ValueError) as error:
        return StepExit(None, "", reason=str(error))
    with contextlib.closing(Reader(process, watch, outputs)) as reader:
        try:
            silent = not reader.drain()
        except BaseException:
            _end(process, watch)
            raise
        return _outcome(process, watch, reader, silent=silent)


def _outcome(
    process: subprocess.Popen[bytes], watch: Watch, reader: Reader, *, silent: bool
) -> StepExit:
    if silent:
        _end(process, watch)
        reason = f"given up: it printed nothing for {watch.idle:g} seconds"
        return StepExit(None, reader.text(), reason=reason, cut_off=True)
    code = process.wait()
    if code < 0:
        return StepExit(None, reader.text(), reason=f"ended by signal {-code}", cut_off=True)
    return StepExit(code, reader.text(), bytes(reader.stdout))


def _start(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    identity: Credentials | None,
    outputs: Outputs,
) -> subprocess.Popen[bytes]:
    """A process group of its own, in our session: sudo knows its ticket by our terminal."""
    return subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=outputs.stdout,
        stderr=outputs.stderr,
        cwd=cwd or "/",
        env=dict(environ),
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=identity.groups if identity else None,
        preexec_fn=os.setpgrp,  # noqa: PLW1509  (one system call; process_group is 3.11)
    )


def _end(process: subprocess.Popen[bytes], watch: Watch) -> None:
    """Ask a command to stop, as Ctrl-C does; after a while, end it, with all that it started."""
    if watch.gently:
        _ask_to_end(process, watch)
        return
    for number, patience in ((signal.SIGINT, GRACE), (signal.SIGTERM, 1.0)):
        _signal(-process.pid, number, watch)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    _let_group_end(process.pid)  # what git has started clears away what it has begun
    _signal(-process.pid, signal.SIGKILL, watch)
    process.wait()
    _let_group_end(process.pid)


def _ask_to_end(process: subprocess.Popen[bytes], watch: Watch) -> None:
    """A package manager is asked alone, and never ended.

    apt heeds SIGINT between two packages and lets the dpkg that it has started come to its end. Any
    other signal, or one to dpkg, leaves packages half installed. One that needs longer goes on.
    """
    _signal(process.pid, signal.SIGINT, watch)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        watch.say(f"process {process.pid} is still at work, and is left to finish")


def _let_group_end(group: int, patience: float = 1.0) -> None:
    """Wait until no process of a group is left, at most `patience` seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.02)


def _signal(pid: int, number: int, watch: Watch) -> None:
    try:
        if pid < 0:
            os.killpg(-pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:  # sudo's process is root's
        if watch.stop is not None:
            watch.stop(pid, number)
