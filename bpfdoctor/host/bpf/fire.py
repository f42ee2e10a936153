"""Load a program, attach it to a rare system call's tracepoint, make that call, see it run.

The program is one of `bpfdoctor.host.bpf.counting`: it counts a call of getcpu(2) whose third
argument (unused since Linux 2.6.24) is the magic number. That is random and our own, so the program
acts on nobody else's call, and no process id has to be known: it works in any PID namespace. It
returns 1: on 0 the kernel would withhold the event from everyone else who samples this tracepoint.

Programs may hang on the tracepoints of system calls since Linux 4.14 (commit cf5f5cea2706).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import msgspec

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt, ProgramSpec
from bpfdoctor.host.bpf.counting import counting_map, hits_in, magic_number, with_map
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.perf import TYPE_TRACEPOINT
from bpfdoctor.host.bpf.steps import Steps
from bpfdoctor.host.question import Answer, NoAnswer, Question, errno_name
from bpfdoctor.host.syscalls import numbers, syscall
from bpfdoctor.host.system.trace import open_trace, tracepoint_id

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

TRACEPOINT = ("syscalls", "sys_enter_getcpu")


class Seen(msgspec.Struct, frozen=True):
    """The lines of the trace that carry the magic number; `refused` says why none could be read."""

    lines: tuple[str, ...] = ()
    where: str = ""
    refused: str = ""


class Fired(Answer, frozen=True):
    """How far it got. `attached` and `hits` are None when it stopped before.

    `pid` is that of the process that made the call, `magic` the number it gave; `refused` is the
    errno of the call, where something (a seccomp filter) refused it before the kernel had it.
    """

    loaded: Attempt
    attached: Attempt | None = None
    hits: int | None = None
    pid: int = 0
    magic: int = 0
    seen: Seen = Seen()
    refused: str = ""

    def shown(self) -> str:
        parts = [f"load: {self.loaded.shown()}"]
        if self.attached is not None:
            parts.append(f"attach: {self.attached.shown()}")
        if self.hits is not None:
            call = f"getcpu(0, 0, {self.magic:#x}) by process {self.pid}"
            parts.append(f"{call}: {self.refused or 'done'}, {self.hits} hits")
        return "\n".join([*parts, *self.seen.lines])


class Fire(Question[Fired], frozen=True):
    """Run a tracepoint program of this module's kind; nothing of it stays.

    `code` is its instructions in hexadecimal; at each index of `map_references` is an instruction
    pair that loads the map's address. `prints`: its bpf_printk is to be seen as well.
    """

    code: str
    map_references: tuple[int, ...]
    what: str
    prints: bool = False
    upto: Literal["load", "attach", "fires"] = "fires"
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Fired | NoAnswer:
        return with_memory(Fired, self._fire)

    def source(self) -> str:
        calls = {"load": 1, "attach": 2, "fires": 3}[self.upto]
        how = ("bpf(BPF_PROG_LOAD)", f"perf_event_open({'/'.join(TRACEPOINT)})", "getcpu")
        return f"{self.what}: {', '.join(how[:calls])}"

    def _fire(self) -> Fired:
        with Steps() as steps:
            run = _Run(steps)
            loaded = run.load(bytes.fromhex(self.code), self.map_references)
            if not loaded.worked or self.upto == "load":
                return Fired(loaded)
            attached = run.attach()
            if not attached.worked or self.upto == "attach":
                return Fired(loaded, attached)
            return run.fire(loaded, attached, self.prints)


class _Run:
    """One program while it lives."""

    def __init__(self, steps: Steps) -> None:
        self.steps, self.map, self.program = steps, -1, -1
        self.magic, self.refused = magic_number(62), ""

    def load(self, code: bytes, references: tuple[int, ...]) -> Attempt:
        try:
            self.steps.call = Call.MAP_CREATE
            self.map = self.steps.keep(counting_map(self.magic))
            whole = with_map(code, references, self.map)
            self.program = self.steps.load(ProgramSpec(PROGRAM_TYPES["tracepoint"].number, whole))
        except OSError as error:
            return Attempt.refused(self.steps.call, error)
        return Attempt()

    def attach(self) -> Attempt:
        try:
            self.steps.call = f"reading the id of tracepoint {'/'.join(TRACEPOINT)}"
            self.steps.attach(self.program, TYPE_TRACEPOINT, tracepoint_id(*TRACEPOINT))
        except OSError as error:
            return Attempt.refused(self.steps.call, error)
        return Attempt()

    def fire(self, loaded: Attempt, attached: Attempt, prints: bool) -> Fired:
        seen = Seen()
        if prints:
            seen = self._call_and_read()
        else:
            self._call()
        hits = hits_in(self.map)
        return Fired(loaded, attached, hits, os.getpid(), self.magic, seen, self.refused)

    def _call_and_read(self) -> Seen:
        try:
            with open_trace() as trace:
                self._call()
                mine = [line for line in trace.lines() if f"{self.magic:x}" in line]
                return Seen(tuple(mine), "a private instance" if trace.private else "trace")
        except OSError as error:
            return Seen(refused=f"{errno_name(error.errno or 0)}: {error.filename or error}")

    def _call(self) -> None:
        try:
            syscall(numbers().getcpu, 0, 0, self.magic)
        except OSError as error:
            self.refused = errno_name(error.errno or 0)
