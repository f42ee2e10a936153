"""Recorded machines: what bpfdoctor was told there, and what programs really did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from virtual.agreement import truth
from virtual.examination import Examined

SEEN = "seen.json"
"""In a directory of recorded machines: by machine and program, what was seen of each stage."""


def record(examined: Examined, directory: Path) -> None:
    """Write `NAME.json`, and add what was seen to `seen.json`."""
    release = ".".join(examined.report["host"]["release"].split(".")[:2])
    name = f"debian-{release}-{examined.circumstance.name}"
    (directory / f"{name}.json").write_text(examined.snapshot)
    known = seen(directory)
    known[name] = {
        "open": examined.circumstance.open,
        "programs": {each: truth(what["stages"]) for each, what in examined.seen.items()},
    }
    lines = (f"{json.dumps(each)}: {json.dumps(known[each])}" for each in sorted(known))
    (directory / SEEN).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def seen(directory: Path) -> dict[str, dict[str, Any]]:
    """What was seen on each recorded machine, by its name; empty where nothing was recorded."""
    file = directory / SEEN
    if not file.exists():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return found
