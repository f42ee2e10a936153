"""A process of its own for a module that is not ours: it does one job and asks over a socket.

What it prints, and how it hangs, crashes or exits, stays its own. It is isolated (`-I`); it is told
where to import from, and that is never the working directory. It has no descriptor of ours but its
end of the connection, and no terminal. It runs as the user, with all that the user may do: what it
leaves behind in a session of its own is not found again, but keeps nobody waiting.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

import bpfdoctor
from bpfdoctor.api import Context, Finding, Host, Project, Selection
from bpfdoctor.engine.installed import trusted_path
from bpfdoctor.engine.load import checks_in
from bpfdoctor.engine.run import findings_of
from bpfdoctor.host.leash import LeashedCommand
from bpfdoctor.host.process import in_own_session
from bpfdoctor.host.rpc import Channel, Message, RemoteHost, WireError, own_pipe, serve
from bpfdoctor.host.tools.commands import signal_name
from bpfdoctor.typed import from_plain

KEPT = 1 << 14
"""Bytes kept of what a child prints, from its end."""

LAST_READS = 16
"""How often its output is read once it has ended: more than a pipe holds."""

# The path is set before anything of bpfdoctor's or of theirs is imported.
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from bpfdoctor.engine.isolated import main; main()"
)


class Description(msgspec.Struct, frozen=True):
    """What a child says of one check."""

    id: str
    title: str
    doc: str
    requires: tuple[str, ...]
    gates: bool
    limit: float


class Job(msgspec.Struct, frozen=True):
    """What a child is to do: import `module` and run the check `id`, or describe all (empty)."""

    module: str
    id: str = ""
    project: Project | None = None
    selection: Selection = Selection()
    may_build: bool = True


class ChildError(Exception):
    """The child ended, or was ended, without a result; `printed` is the end of what it printed."""

    def __init__(self, reason: str, printed: str) -> None:
        super().__init__(reason)
        self.printed = printed


def do_isolated(job: Job, host: Host, limit: float) -> Any:
    """What a child makes of `job` within `limit` seconds, as plain data; it may ask `host`.

    Raises ChildError if it ended, or was ended, without a result.
    """
    return _Child(job, host, limit).result()


class _Child:
    """One child process doing one job, while its questions are put to `host`."""

    def __init__(self, job: Job, host: Host, limit: float) -> None:
        self.job, self.host, self.limit = job, host, limit
        self.expired = False
        self.printed = b""
        self.over = threading.Event()
        self.questions, self.stdout = socket.socketpair()
        self.answers, self.stdin = socket.socketpair()

    def result(self) -> Any:
        """What it sent. Raises ChildError if it ended, or was ended, without."""
        package = str(Path(bpfdoctor.__file__).parent.parent)
        path = json.dumps([*trusted_path(), package])
        words = (sys.executable, "-I", "-c", START, path)
        with self.questions, self.answers:
            with self.stdin, self.stdout:
                process = LeashedCommand(
                    words,
                    environ=os.environ,
                    stdin=self.stdin.fileno(),
                    stdout=self.stdout.fileno(),
                )
            return self._result_of(process)

    def _result_of(self, process: LeashedCommand) -> Any:
        with in_own_session(process), self._watched(process):
            found, why = self._exchange(process)
        if found is not None:
            return found
        printed = self.printed.decode(errors="backslashreplace")
        raise ChildError(why or self._end_of(process, printed), printed)

    def _exchange(self, process: LeashedCommand) -> tuple[Any, str]:
        channel = Channel(self.questions.makefile("rb"), self.answers.makefile("wb"))
        try:
            channel.send(Message(result=msgspec.to_builtins(self.job)))
            found = serve(self.host, channel)
        except WireError as error:
            return None, f"it wrote into the pipe to bpfdoctor: {error}"
        except OSError:
            found = None
        if found is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)  # it closed the pipe; how it ended is what counts
        return found, ""

    def _end_of(self, process: LeashedCommand, printed: str) -> str:
        if self.expired:
            return f"it did not end within {self.limit:g} seconds"
        code = process.returncode or 0
        how = f"killed by {signal_name(-code)}" if code < 0 else f"exit status {code}"
        last = printed.rstrip().rpartition("\n")[2]
        return f"it ended without a result ({how})" + (f": {last}" if last else "")

    @contextlib.contextmanager
    def _watched(self, process: LeashedCommand) -> Iterator[None]:
        """Its output is read as it comes, its end kept; when its time is over it is killed."""
        assert process.stderr is not None
        listener = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        mourner = threading.Thread(target=self._hang_up_after, args=(process,), daemon=True)
        clock = threading.Timer(self.limit, self._expire, (process,))
        clock.daemon = True
        for each in (listener, mourner, clock):
            each.start()
        try:
            yield
        finally:
            clock.cancel()
            process.kill()
            self.over.set()
            listener.join(5)

    def _expire(self, process: LeashedCommand) -> None:
        self.expired = True
        process.kill()

    def _hang_up_after(self, process: LeashedCommand) -> None:
        """Once it has ended, whoever holds its ends of the sockets is not waited for.

        What it had sent before is still received.
        """
        process.wait()
        for each in (self.questions, self.answers):
            with contextlib.suppress(OSError):  # closed
                each.shutdown(socket.SHUT_RDWR)

    def _listen(self, pipe: IO[bytes]) -> None:
        """Keep the end of what it prints; when it is over, of what is there already."""
        left = LAST_READS
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError):
            selector.register(pipe, selectors.EVENT_READ)
            while left:
                left -= self.over.is_set()
                if selector.select(0.05):
                    data = os.read(pipe.fileno(), 1 << 16)
                    self.printed = (self.printed + data)[-KEPT:]
                    if not data:
                        return
                elif self.over.is_set():
                    return


def main() -> None:
    """The child: receive a job, do it, send what came of it."""
    channel = own_pipe()
    message = channel.receive()
    if message is None:
        return
    job = from_plain(message.result, Job)
    found = _do(job, RemoteHost(channel))
    channel.send(Message(result=msgspec.to_builtins(found)))


def _do(job: Job, host: Host) -> list[Description] | list[Finding]:
    checks = checks_in(importlib.import_module(job.module))
    if not job.id:
        return [Description(c.id, c.title, c.doc, c.requires, c.gates, c.limit) for c in checks]
    assert job.project is not None
    context = Context(host, job.project, job.selection, job.may_build)
    (wanted,) = [each for each in checks if each.id == job.id]
    return list(findings_of(wanted, context))
