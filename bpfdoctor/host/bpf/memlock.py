"""RLIMIT_MEMLOCK: whether it may be raised, and probes that need it raised on old kernels.

Until Linux 5.11 the kernel charged maps and programs to this limit, for all processes of a user
together; since the series that ends in commit 3ac1f01b43b6 ("bpf: Eliminate rlimit-based memory
accounting for bpf progs") it charges the memory cgroup.

The limit is never raised in our own process. On an old kernel such a probe is made in a forked
child; the child does nothing but system calls, and ends without running anything of Python's exit,
so that forking among threads is safe. One child makes many of them, where a probe can be written
down for it (`bpfdoctor.host.bpf.trial_process`). On 5.11 and later nothing is forked.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.child import UNLIMITED, in_child
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.syscalls import UnknownArchitectureError, numbers
from bpfdoctor.host.system.facts import kernel_version

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

A = TypeVar("A", bound=Answer)


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


def with_memory(kind: type[A], action: Callable[..., A], *given: object) -> A | NoAnswer:
    """What `action(*given)` answers, with RLIMIT_MEMLOCK out of its way where that is charged.

    A method of a question and plain data can be written down; for a closure a child is forked.
    """
    try:
        numbers()
    except UnknownArchitectureError as error:
        return NoAnswer("refused", str(error))
    limited = resource.getrlimit(resource.RLIMIT_MEMLOCK) != UNLIMITED
    if not limited or kernel_version(os.uname().release) >= (5, 11):
        return action(*given)
    from bpfdoctor.host.bpf.trial_process import (
        in_turn,
        modules_of,
        written_down,
    )  # on old kernels alone

    trial = written_down(action, given)
    if trial:
        return in_turn(kind, trial, modules_of(action, *given))
    return in_child(kind, lambda: action(*given))
