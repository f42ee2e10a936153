"""RLIMIT_MEMLOCK: whether it may be raised, and probes that need it raised on old kernels.

Until Linux 5.11 the kernel charged maps and programs to this limit, for all processes of a user
together; since the series that ends in commit 3ac1f01b43b6 ("bpf: Eliminate rlimit-based memory
accounting for bpf progs") it charges the memory cgroup.

The limit is never raised in our own process. On an old kernel such a probe is put in a forked
child; the child does nothing but system calls, and ends without running anything of Python's exit,
so that forking among threads is safe. On 5.11 and later nothing is forked.
"""

from __future__ import annotations

import os
import resource
import subprocess
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.syscalls import UnknownArchitectureError, numbers
from bpfdoctor.host.system.facts import kernel_version
from bpfdoctor.typed import from_json

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

A = TypeVar("A", bound=Answer)

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class RaiseMemlock(Question[Attempt], frozen=True):
    """May this user set RLIMIT_MEMLOCK to so many bytes (-1: infinity), as old programs do first?

    Tried by prlimit(2) on a child that is ended at once: the kernel asks the caller for
    CAP_SYS_RESOURCE, just as setrlimit does, unless the hard limit is infinite already.
    """

    privileged = True
    asks = "machine"

    limit: int = -1

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        try:
            child = subprocess.Popen(["/proc/self/exe", "-I", "-S", "-c", "input()"],
                                     stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip
        except OSError as error:  # no /proc, no room for a process
            refused = NoAnswer.from_error(error)
            return NoAnswer(refused.reason, "no child process could be started to try it on")
        try:
            resource.prlimit(child.pid, resource.RLIMIT_MEMLOCK, (self.limit, self.limit))
        except OSError as error:
            return Attempt.refused(Call.RAISE_MEMLOCK, error)
        finally:
            child.kill()
            child.communicate()
        return Attempt()

    def source(self) -> str:
        limit = "RLIM_INFINITY" if self.limit < 0 else self.limit
        return f"setrlimit(RLIMIT_MEMLOCK, {limit}), in a child process"


def with_memory(kind: type[A], action: Callable[[], A]) -> A | NoAnswer:
    """What `action` answers, with RLIMIT_MEMLOCK out of its way where the kernel charges it."""
    try:
        numbers()
    except UnknownArchitectureError as error:
        return NoAnswer("refused", str(error))
    limited = resource.getrlimit(resource.RLIMIT_MEMLOCK) != UNLIMITED
    if not limited or kernel_version(os.uname().release) >= (5, 11):
        return action()
    return in_child(kind, action)


def in_child(kind: type[A], action: Callable[[], A]) -> A | NoAnswer:
    """What `action` answers in a forked child that has raised its limit as far as it may."""
    import_module("logging")  # else another thread sets its hooks of fork while this one forks
    reader, writer = os.pipe()
    with warnings.catch_warnings():  # Python 3.12 warns of any fork among threads
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _child(writer, action)
    os.close(writer)
    with open(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(pid, 0)
    try:
        return from_json(data, kind)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return NoAnswer("broken", f"the probe's process ended with status {status}")


def _child(writer: int, action: Callable[[], Answer]) -> None:
    status = 1
    try:
        _raise_limit()
        with open(writer, "wb") as pipe:
            pipe.write(msgspec.json.encode(action()))
        status = 0
    finally:
        os._exit(status)


def _raise_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    for limit in (UNLIMITED, (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, limit)
        except (OSError, ValueError):
            continue
        return
