"""Load the checks: ours by path from `checks/`, others by the entry-point group."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import msgspec

import bpfdoctor
from bpfdoctor.api import Check
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.limits import shortage_of

PACKAGE = "bpfdoctor.checks"
GROUP = "bpfdoctor.checks"
"""Entry-point group of third-party checks: each entry names a module that holds `Check`s."""


BROKEN = "engine.load"
"""The id under which a file of checks that cannot be loaded is reported."""


class Loaded(msgspec.Struct, frozen=True):
    """The checks in the order of their files, and what could not be loaded: name → traceback."""

    checks: tuple[Check, ...]
    broken: dict[str, str]


def checks_directory() -> Path:
    """Where our checks are: inside the package (wheel), or beside it (clone, editable)."""
    inside = Path(bpfdoctor.__file__).parent / "checks"
    return inside if inside.is_dir() else inside.parent.parent / "checks"


def load_checks() -> Loaded:
    """Our own checks. A file that cannot be imported is recorded; the others load."""
    _make_package(PACKAGE, checks_directory())
    names = sorted(path.stem for path in checks_directory().glob("[!_]*.py"))
    checks: list[Check] = []
    broken: dict[str, str] = {}
    for name in names:
        try:
            checks += checks_in(importlib.import_module(f"{PACKAGE}.{name}"))
        except Exception as error:
            if shortage_of(error) is not None:  # not the file's fault
                raise
            import traceback

            broken[name] = traceback.format_exc()
    refuse_unsound(checks)
    return Loaded(tuple(checks), broken)


def checks_in(module: ModuleType) -> list[Check]:
    """The checks of a module, in the order written."""
    return [value for value in vars(module).values() if isinstance(value, Check)]


def refuse_unsound(checks: list[Check]) -> None:
    """Raise BpfDoctorError for a double id, an unknown name in `requires`, or a cycle."""
    by_id = {check.id: check for check in checks}
    if len(by_id) != len(checks):
        ids = [check.id for check in checks]
        double = sorted({name for name in ids if ids.count(name) > 1})
        raise BpfDoctorError(f"two checks have the id {double[0]}")
    for check in checks:
        for required in check.waits_for:
            if check_of(required) not in by_id:
                raise BpfDoctorError(f"check {check.id} requires {required}, which does not exist")
    in_order(checks)


def check_of(key: str) -> str:
    """The check id in a key: `checkout.submodules` for `checkout.submodules[libbpf]`."""
    return key.partition("[")[0]


def in_order(checks: list[Check]) -> list[Check]:
    """Checks such that each comes after those it requires. Raises BpfDoctorError on a cycle."""
    import graphlib

    by_id = {check.id: check for check in checks}
    graph = {c.id: [check_of(r) for r in c.waits_for if check_of(r) in by_id] for c in checks}
    try:
        return [by_id[name] for name in graphlib.TopologicalSorter(graph).static_order()]
    except graphlib.CycleError as error:
        raise BpfDoctorError("checks require each other: " + " → ".join(error.args[1])) from None


def _make_package(name: str, directory: Path) -> None:
    """A package object whose modules are found in `directory`, whatever is installed."""
    if name in sys.modules:
        return
    package = ModuleType(name)
    package.__path__ = [str(directory)]
    sys.modules[name] = package
