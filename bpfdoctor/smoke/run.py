"""The question that runs a built program and watches for its event."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.deadline import Deadline
from bpfdoctor.host.environment import child_environment
from bpfdoctor.host.leash import LeashedCommand
from bpfdoctor.host.process import in_own_session
from bpfdoctor.host.question import Answer, NoAnswer, Question, errno_name
from bpfdoctor.host.system.trace import Trace, open_trace
from bpfdoctor.host.system.trace_window import TraceWindow, look
from bpfdoctor.host.tools.commands import signal_name
from bpfdoctor.projects.model import Trigger
from bpfdoctor.smoke.copy import own_copy
from bpfdoctor.smoke.proof import proof_in
from bpfdoctor.smoke.terminal import Terminal
from bpfdoctor.smoke.trigger import Mark

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

STEP = 0.05
"""Seconds between two looks at a running program."""

PULL = 0.3
"""Seconds between two pulls of the trigger."""

UNSEEN = 3.0
"""Seconds that a program runs whose event cannot be seen: enough to load and attach."""

GENTLE = 2.0
"""Seconds that a program gets to take back what it did to the kernel, once it is told to end."""

LINES = 400
"""Lines of a program's output that are kept, the last ones."""


class Ran(Answer, frozen=True):
    """What a program did while it ran.

    `proof` is the line that proves that it fired, from `proof_source`; empty without one. `held`
    names the BPF objects that its file descriptors were seen to hold (`bpf-prog`, `bpf_link`,
    `perf_event`). `status` is its exit status, None when it was still running (then we ended it),
    or when `signal` ended it. `untraced` says why the kernel's trace could not be read;
    `unseen` that its output was watched through a pipe, into which libc may have held lines back.
    `window` is the global trace as its user would have found it then, where a program shows itself
    in the trace.
    """

    pid: int
    output: str
    held: tuple[str, ...] = ()
    proof: str = ""
    proof_source: str = ""
    status: int | None = None
    signal: str = ""
    untraced: str = ""
    unseen: bool = False
    window: TraceWindow | None = None
    root: bool = False
    seconds: float = 0

    @property
    def ended(self) -> bool:
        """It ended before we ended it."""
        return self.status is not None or bool(self.signal)

    def shown(self) -> str:
        how = f"killed by {self.signal}" if self.signal else f"exit status {self.status}"
        held = ", ".join(self.held) or "no BPF object"
        still = f"still running after {self.seconds:g} s, holding {held}"
        return f"{self.output}\n(PID {self.pid}: {how if self.ended else still})".lstrip("\n")


class RunProgram(Question[Ran], frozen=True):
    """Run a built program until its event is seen, it ends, or `limit` seconds have passed.

    `binary` is run as a copy that only this user can write, if its hash is `sha256`. `pattern` is
    that of the project file; `source` where it is looked for. Nothing that was started, made or
    traced here stays behind.
    """

    binary: str
    sha256: str
    program: str
    arguments: tuple[str, ...] = ()
    trigger: Trigger = "own"
    watch: Literal["trace", "output", ""] = ""
    pattern: str = ""
    limit: float = 15
    privileged = True
    asks = "tree"

    def put(self, machine: Machine) -> Ran | NoAnswer:
        try:
            with own_copy(machine, self.binary, self.sha256) as copy:
                return _Running(machine, self, copy).watched()
        except OSError as error:
            return NoAnswer.from_error(error)
        except (ValueError, re.error) as error:  # a NUL byte; another hash; no pattern
            return NoAnswer("refused", str(error))

    def command(self) -> str:
        return f"./{shlex.join((self.program, *self.arguments))}"


class _Running:
    """One run of one program."""

    def __init__(self, machine: Machine, question: RunProgram, copy: Path) -> None:
        self.machine, self.question, self.copy = machine, question, copy
        self.held: set[str] = set()
        self.untraced = ""
        self.trace: Trace | None = None
        self.window: TraceWindow | None = None

    def watched(self) -> Ran:
        with contextlib.ExitStack() as stack:
            self._open_trace(stack)
            self.mark = Mark(
                self.machine, self.question.trigger, self.question.program, self.copy.parent
            )
            stack.callback(self.mark.close)
            self.terminal = Terminal()
            stack.callback(self.terminal.close)
            self.process = self._start()
            stack.enter_context(in_own_session(self.process))
            self.mark.started(self.process.pid)
            return self._watch(time.monotonic())

    def _open_trace(self, stack: contextlib.ExitStack) -> None:
        if self.question.watch == "output":
            return
        try:
            self.trace = stack.enter_context(open_trace())
        except OSError as error:
            self.untraced = f"{errno_name(error.errno or 0)}: {error.strerror}"

    def _start(self) -> LeashedCommand:
        try:
            return LeashedCommand(
                [str(self.copy), *self.question.arguments],
                stdout=self.terminal.stdout,
                stderr=self.terminal.stderr,
                cwd=self.copy.parent,
                environ=child_environment(self.machine.environ),
                gentle=GENTLE,
            )
        finally:
            self.terminal.started()

    @property
    def limit(self) -> float:
        """Seconds to wait; few where the event could not be seen anyway."""
        return min(self.question.limit, UNSEEN if self.untraced else self.question.limit)

    def _watch(self, start: float) -> Ran:
        pattern = self.mark.fill(self.question.pattern) if self.question.pattern else None
        pulled, deadline = 0.0, Deadline(self.limit)
        while True:
            ended = self.process.poll() is not None
            now = time.monotonic()
            self._look_at_descriptors()
            self.terminal.read()
            proof = self._proof(pattern) if pattern else ""
            if proof or ended or deadline.left() <= 0:
                return self._answer(proof, ended, now - start)
            if now - pulled > PULL:
                self.mark.pull()
                pulled = now
            self.terminal.wait(STEP)

    def _proof(self, pattern: re.Pattern[str]) -> str:
        if self.question.watch == "output":
            lines = self.terminal.lines()
        else:
            lines = self.trace.lines() if self.trace is not None else []
        return proof_in(lines, pattern)

    def _look_at_descriptors(self) -> None:
        """Which BPF objects the program holds: loaded and attached, whatever it prints."""
        place = f"/proc/{self.process.pid}/fd"
        with contextlib.suppress(OSError):
            for name in os.listdir(place):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"{place}/{name}")
                    if target.startswith("anon_inode:"):
                        self.held.add(target.removeprefix("anon_inode:").strip("[]"))

    def _answer(self, proof: str, ended: bool, seconds: float) -> Ran:
        if not ended:
            self._end_gently()
        self.terminal.read()
        proof = proof or self._proof_at_the_end()
        self._look_at_window()
        code = self.process.returncode if ended else None
        return Ran(
            pid=self.process.pid,
            output=self.machine.hidden("\n".join(self.terminal.lines()[-LINES:])),
            held=tuple(sorted(self.held)),
            proof=self.machine.hidden(proof),
            proof_source=self._proof_source() if proof else "",
            status=code if code is not None and code >= 0 else None,
            signal=signal_name(-code) if code is not None and code < 0 else "",
            untraced=self.untraced,
            window=self.window,
            unseen=self.question.watch == "output" and not self.terminal.live,
            root=os.geteuid() == 0,
            seconds=round(seconds, 1),
        )

    def _proof_at_the_end(self) -> str:
        """To a pipe a program may print all that it has to say when it ends."""
        if self.question.watch != "output" or not self.question.pattern:
            return ""
        return self._proof(self.mark.fill(self.question.pattern))

    def _look_at_window(self) -> None:
        """Our own instance has switches of its own: what it shows, the user need not see."""
        if self.trace is not None and self.question.watch == "trace":
            with contextlib.suppress(OSError):
                self.window = look(self.trace.top)

    def _proof_source(self) -> str:
        if self.trace is None:
            return self.question.source()
        return "private trace instance" if self.trace.private else f"{self.trace.path}/trace"

    def _end_gently(self) -> None:
        """SIGINT first: `tc` takes its qdisc away on it."""
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.wait(GENTLE)
