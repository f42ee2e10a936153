"""bpfdoctor in a guest: what it says of it, what the programs do there, and what was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from virtual.circumstances import Circumstance
from virtual.guest import Ran, boot
from virtual.kernels import kernel

PYTHON = ("PYTHONPATH=/work/site", "python3")
CHECK = ("-m", "bpfdoctor", "check", "--project", "libbpf-bootstrap", "--json")

SECONDS = 160.0
"""Time for one circumstance: Python and BPF programs under emulation, on a busy machine."""


@dataclass(frozen=True)
class Examined:
    """One kernel in one circumstance.

    `programs` and `findings` are those of the report, by name and by key; `seen` is what each
    program did, stage by stage; `snapshot` what bpfdoctor recorded.
    """

    kernel: str
    circumstance: Circumstance
    report: dict[str, Any]
    seen: dict[str, dict[str, Any]]
    snapshot: str

    @property
    def name(self) -> str:
        """`6.1 no-btf`."""
        return f"{self.kernel} {self.circumstance.name}"

    @property
    def programs(self) -> dict[str, dict[str, Any]]:
        """The readiness of each stage, by program."""
        return {each["name"]: each["stages"] for each in self.report["programs"]}

    @property
    def findings(self) -> dict[str, dict[str, Any]]:
        """The findings, by key."""
        return {each["key"]: each for each in self.report["findings"]}


def commands(circumstance: Circumstance) -> list[tuple[str, ...]]:
    """What is run in a circumstance: judge, run the programs, record, and show the record."""
    file = f"/tmp/{circumstance.name}.json"
    return [
        circumstance.around((*PYTHON, *CHECK, "--only", "smoke.kernel")),
        circumstance.around((*PYTHON, *CHECK, "--no-smoke", "--record", file)),
        circumstance.around((*PYTHON, "/work/observe.py", "/work/programs")),
        ("cat", file),
    ]


def examine(name: str, circumstances: Sequence[Circumstance], work: Path) -> Iterator[Examined]:
    """Boot a kernel once and examine it in each circumstance (all of one command line)."""
    (append,) = {each.append for each in circumstances}
    asked = [command for each in circumstances for command in commands(each)]
    seconds = 60 + SECONDS * len(circumstances)
    results = iter(boot(kernel(name), work, asked, append=append, seconds=seconds))
    for circumstance in circumstances:
        smoke, check, observed, shown = (next(results) for _ in range(4))
        report = _json(check)
        report["findings"] += [
            each for each in _json(smoke)["findings"] if each["id"] == "smoke.kernel"
        ]
        yield Examined(name, circumstance, report, _json(observed), shown.stdout)


def _json(ran: Ran) -> dict[str, Any]:
    assert ran.stdout.startswith("{"), (
        f"status {ran.status}: {ran.stdout[-500:]}{ran.stderr[-3000:]}"
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
