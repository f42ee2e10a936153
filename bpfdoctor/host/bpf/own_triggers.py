"""A program of each kind, attached to what we reach ourselves, and what makes the kernel run it.

A trigger acts on nobody: a call of getcpu(2), a test of the kernel's own, a function in our own
file, a datagram of ours to ourselves.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple

from bpfdoctor.host.bpf.attach_btf import link_iterator, load_for, open_for
from bpfdoctor.host.bpf.attach_net import SO_ATTACH_BPF, put_on_own_lo
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt, ProgramSpec, bpf
from bpfdoctor.host.bpf.event_probes import ProbePlace, attach_probe, event_source
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.own_code import own_function
from bpfdoctor.host.bpf.own_runs import OwnRuns
from bpfdoctor.host.bpf.perf import TYPE_TRACEPOINT
from bpfdoctor.host.bpf.steps import Steps
from bpfdoctor.host.syscalls import numbers, syscall
from bpfdoctor.host.system.security import refuse_in_confidentiality
from bpfdoctor.host.system.trace import tracepoint_id

PROG_TEST_RUN, ITER_CREATE = 10, 33
"""Commands of bpf(2)."""

GETCPU = (
    *("__x64_sys_getcpu", "__arm64_sys_getcpu", "__s390x_sys_getcpu", "__riscv_sys_getcpu"),
    *("__powerpc_sys_getcpu", "__se_sys_getcpu", "sys_getcpu", "SyS_getcpu"),
)
"""The names that the function of getcpu(2) has: by architecture from Linux 4.17 on (commit
fa697140f9a2 for x86); the table of system calls points to it, so that it is never inlined."""

TESTED = "bpf_fentry_test1"
"""What BPF_PROG_TEST_RUN of an fentry program calls (Linux 5.5, commit da00d2f117a0)."""

TRACEPOINTS = (("syscalls", "sys_enter_getcpu"), ("task", "task_rename"))
"""Tracepoints that we reach, best first: kernels for small machines have none of system calls."""


class Armed(NamedTuple):
    """A program that is attached. `trigger` makes the kernel run it, and may be pulled again;
    None where this machine gives us none."""

    target: str
    runs: OwnRuns
    trigger: Callable[[], None] | None


def kprobe(steps: Steps) -> Armed | Attempt:
    """On the function of getcpu(2), through whichever of its names there is."""
    source = event_source("kprobe")
    if isinstance(source, Attempt):
        return source
    runs = OwnRuns(steps, returns=1, named=True)
    for function in GETCPU:
        try:
            attach_probe(steps, source, ProbePlace(function), runs.code)
        except FileNotFoundError:
            continue
        return Armed(function, runs, _getcpu)
    return Attempt("ENOENT", "looking for the function of getcpu(2)")


def uprobe(steps: Steps) -> Armed | Attempt:
    """On a function of ours in a file of ours."""
    source = event_source("uprobe")
    if isinstance(source, Attempt):
        return source
    runs = OwnRuns(steps, returns=1)
    found = own_function(steps)
    if found is None:
        return Armed("", runs, None)
    path, trigger = found
    attach_probe(steps, source, ProbePlace(path), runs.code)
    return Armed("a function of ours", runs, trigger)


def tracepoint(steps: Steps) -> Armed | Attempt:
    """On that of getcpu(2); where there is none, on that of a thread's new name."""
    runs = OwnRuns(steps, returns=1, named=True)
    program = steps.load(ProgramSpec(PROGRAM_TYPES["tracepoint"].number, runs.code))
    steps.call = "a tracepoint under lockdown in confidentiality mode"
    refuse_in_confidentiality()
    for category, name in TRACEPOINTS:
        steps.call = f"reading the id of tracepoint {category}/{name}"
        try:
            number = tracepoint_id(category, name)
        except FileNotFoundError:
            continue
        steps.attach(program, TYPE_TRACEPOINT, number)
        # The name is given back under the name that counts, which is the other's trigger.
        return Armed(f"{category}/{name}", runs, _getcpu)
    return Attempt("ENOENT", "looking for a tracepoint that we reach")


def trampoline(steps: Steps, function: str, btf_id: int) -> Armed:
    """On the entry of a function: the kernel's own for tests, or that of getcpu(2)."""
    runs = OwnRuns(steps, returns=0, named=True)
    program = load_for(steps, "tracing", "fentry", btf_id, code=runs.code)
    open_for(steps, program)
    return Armed(function, runs, (lambda: _test(program)) if function == TESTED else _getcpu)


def iterator(steps: Steps, btf_id: int) -> Armed:
    """Over all tasks, read by us."""
    runs = OwnRuns(steps, returns=0)
    link = link_iterator(steps, load_for(steps, "tracing", "iter", btf_id, code=runs.code))
    return Armed("an iterator over tasks", runs, lambda: _read(link))


def socket_filter(steps: Steps) -> Armed:
    """On a socket whose other end is ours too."""
    runs = OwnRuns(steps, returns=1)
    program = steps.load(ProgramSpec(PROGRAM_TYPES["socket_filter"].number, runs.code))
    steps.call = "socketpair(2)"
    ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    steps.enter_context(ours)
    steps.enter_context(other)
    steps.call = Call.SOCKET_SET_BPF
    other.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, program)
    return Armed("a socket of ours", runs, lambda: _send(ours))


def classifier(steps: Steps) -> Armed:
    """On the lo of a network namespace of our own, which is brought up there."""
    runs = OwnRuns(steps, returns=0)
    put_on_own_lo(steps, runs.code)
    steps.call = "bringing lo up in an own network namespace"
    sender = steps.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    fcntl.ioctl(sender, SIOCSIFFLAGS, struct.pack("=16sH22x", b"lo", IFF_UP))
    sender.bind(("127.0.0.1", 0))
    return Armed("lo of an own network namespace", runs, lambda: _send_to_itself(sender))


SIOCSIFFLAGS, IFF_UP = 0x8914, 1
"""linux/sockios.h, linux/if.h."""


def _getcpu() -> None:
    syscall(numbers().getcpu, 0, 0, 0)


def _test(program: int) -> None:
    bpf(PROG_TEST_RUN, struct.pack("=I60x", program))


def _read(link: int) -> None:
    descriptor = bpf(ITER_CREATE, struct.pack("=II", link, 0))
    try:
        os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _send(sender: socket.socket) -> None:
    sender.send(b"bpfdoctor", socket.MSG_DONTWAIT)


def _send_to_itself(sender: socket.socket) -> None:
    sender.sendto(b"bpfdoctor", socket.MSG_DONTWAIT, sender.getsockname())
