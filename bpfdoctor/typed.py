"""Data read into its type, whichever threads do so at the same time.

msgspec looks a type over when it first reads into it. Two threads that do so at once crash the
interpreter: one uses what the other has half made (seen with msgspec 0.22.0). So the first
time of each type is one thread's alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_known: set[Any] = set()
_first = threading.Lock()


def from_json(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """As `msgspec.json.decode` with a type. Raises ValueError."""
    return _read(kind, lambda: msgspec.json.decode(data, type=kind))


def from_toml(data: bytes | str, kind: type[T]) -> T:
    """As `msgspec.toml.decode` with a type. Raises ValueError."""
    return _read(kind, lambda: msgspec.toml.decode(data, type=kind))


def from_plain(value: Any, kind: type[T]) -> T:
    """As `msgspec.convert`. Raises ValueError."""
    return _read(kind, lambda: msgspec.convert(value, kind))


def _read(kind: type[T], read: Callable[[], T]) -> T:
    if kind in _known:
        return read()
    with _first:
        found = read()
        _known.add(kind)
    return found
