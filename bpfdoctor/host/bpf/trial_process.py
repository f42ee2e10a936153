"""Processes that make trials one after another, with RLIMIT_MEMLOCK as high as it may be.

Forking this process costs 6 ms, and a run makes seventy trials. One is started when none is idle;
it ends when the pipe from here does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import msgspec

from bpfdoctor.host.bpf.child import ended_with, forked, raise_limit
from bpfdoctor.host.question import Answer, NoAnswer
from bpfdoctor.typed import from_json

A = TypeVar("A", bound=Answer)


class TrialProcess:
    """One of them. `knows`: the modules that it has whole.

    It is not to import what another thread was in the middle of when it was forked: that would
    never be done.
    """

    def __init__(self) -> None:
        self.knows = frozenset(name for name in list(sys.modules) if _is_whole(name))
        asked, asking = os.pipe()
        answering, answered = os.pipe()
        self.pid = forked()
        if self.pid == 0:
            os.close(asking)
            os.close(answering)
            _serve(asked, answered)
        os.close(asked)
        os.close(answered)
        self._asking = open(asking, "wb")  # noqa: SIM115  (open as long as it runs)
        self._answers = open(answering, "rb")  # noqa: SIM115

    def answer(self, trial: bytes) -> bytes:
        """What a trial says, as JSON; empty where the process ended instead."""
        with contextlib.suppress(BrokenPipeError):
            self._asking.write(trial)
            self._asking.flush()
        return self._answers.readline()

    def ended(self) -> NoAnswer:
        """That it did, once it has."""
        self._answers.close()
        with contextlib.suppress(BrokenPipeError):
            self._asking.close()
        return ended_with(os.waitpid(self.pid, 0)[1])


_idle: list[TrialProcess] = []
os.register_at_fork(after_in_child=_idle.clear)  # they serve whoever started them, and end with him


def written_down(action: Callable[..., Answer], given: tuple[Any, ...]) -> bytes:
    """An action and what it is given, for another process; empty where that cannot be: a closure.

    Only a process that this one has forked reads it.
    """
    try:
        return pickle.dumps((action, given))
    except (pickle.PicklingError, AttributeError, TypeError):
        return b""


def modules_of(*parts: object) -> frozenset[str]:
    """Where the functions and the classes of these are."""
    return frozenset(getattr(each, "__module__", "builtins") for each in parts)


def in_turn(kind: type[A], trial: bytes, modules: frozenset[str]) -> A | NoAnswer:
    """What a trial that is written down answers; it is made of these modules."""
    process = _taken(modules)
    said = process.answer(trial)
    if not said:
        return process.ended()
    _idle.append(process)
    return from_json(said, kind)


def _taken(modules: frozenset[str]) -> TrialProcess:
    """One that is idle and has these modules, else a new one."""
    with contextlib.suppress(IndexError):  # another thread was first
        while _idle:
            process = _idle.pop()
            if modules <= process.knows:
                return process
            process.ended()
    return TrialProcess()


def _is_whole(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return not getattr(spec, "_initializing", False)


def _serve(asked: int, answered: int) -> NoReturn:
    """Make trials until nobody asks any more; end at whatever goes wrong."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
    except ValueError:  # not in the main thread of its parent
        pass
    try:
        gc.disable()  # it would close what others had open
        _close_all_but(asked, answered)
        raise_limit()
        with open(asked, "rb") as trials, open(answered, "wb") as answers:
            while trials.peek(1):
                action, given = pickle.load(trials)  # noqa: S301  (of the process that forked this)
                answers.write(msgspec.json.encode(action(*given)) + b"\n")
                answers.flush()
        status = 0
    finally:
        os._exit(status)


def _close_all_but(*kept: int) -> None:
    """Close what other threads had open: whoever reads a pipe waits for all who may write to it."""
    try:
        there = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:  # no /proc
        there = [*range(1024)]
    for descriptor in there:
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)
