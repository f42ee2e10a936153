"""Forked children, in which RLIMIT_MEMLOCK is as high as it may be."""

from __future__ import annotations

import os
import resource
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

import msgspec

from bpfdoctor.host.question import Answer, NoAnswer
from bpfdoctor.typed import from_json

A = TypeVar("A", bound=Answer)

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def forked() -> int:
    """As fork(2) among threads."""
    import_module("logging")  # else another thread sets its hooks of fork while this one forks
    with warnings.catch_warnings():  # Python 3.12 warns of any fork among threads
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def ended_with(status: int) -> NoAnswer:
    """That a child ended without an answer."""
    return NoAnswer("broken", f"the probe's process ended with status {status}")


def in_child(kind: type[A], action: Callable[[], A]) -> A | NoAnswer:
    """What `action` answers in a forked child that has raised its limit as far as it may."""
    reader, writer = os.pipe()
    pid = forked()
    if pid == 0:
        _child(writer, action)
    os.close(writer)
    with open(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(pid, 0)
    try:
        return from_json(data, kind)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return ended_with(status)


def _child(writer: int, action: Callable[[], Answer]) -> None:
    status = 1
    try:
        raise_limit()
        with open(writer, "wb") as pipe:
            pipe.write(msgspec.json.encode(action()))
        status = 0
    finally:
        os._exit(status)


def raise_limit() -> None:
    """Raise it in this process, a child, as far as it may be."""
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    for limit in (UNLIMITED, (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, limit)
        except (OSError, ValueError):
            continue
        return
