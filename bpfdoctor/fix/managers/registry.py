"""The package managers that bpfdoctor runs itself, found by their files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

from bpfdoctor.fix.managers.base import PackageManager

ROOM = "bpfdoctor.fix.managers"


def found_in(places: Iterable[str]) -> dict[str, PackageManager]:
    """What the modules in these directories of the room call `MANAGER`, by its own name."""
    names = sorted(module.name for module in pkgutil.iter_modules(places))
    modules = (importlib.import_module(f"{ROOM}.{name}") for name in names)
    made = (getattr(module, "MANAGER", None) for module in modules)
    return {each.name: each for each in made if isinstance(each, PackageManager)}


MANAGERS = found_in(importlib.import_module(ROOM).__path__)
"""All of them, by their name in `packages.toml`."""
