"""The package managers that bpfdoctor runs itself, found by their files."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator

from bpfdoctor.fix.managers.base import PackageManager

ROOM = "bpfdoctor.fix.managers"


def found_in(places: Iterable[str]) -> dict[str, PackageManager]:
    """The managers of all modules in these directories of the room, by their name."""
    modules = sorted(module.name for module in pkgutil.iter_modules(places))
    return {manager.name: manager for name in modules for manager in _made_in(f"{ROOM}.{name}")}


def _made_in(module: str) -> Iterator[PackageManager]:
    kinds = vars(importlib.import_module(module)).values()
    for kind in (kind for kind in kinds if inspect.isclass(kind) and not inspect.isabstract(kind)):
        if issubclass(kind, PackageManager) and kind.__module__ == module:
            yield kind()


MANAGERS = found_in(importlib.import_module(ROOM).__path__)
"""All of them, by their name in `packages.toml`."""
