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

PYTHON = ("PYTHONPATH=/guest/site", "PYTHONFAULTHANDLER=1", "python3")
ABOUT = ("--project", "libbpf-bootstrap")
CHECK = ("-m", "bpfdoctor", "check", *ABOUT, "--json")
SNAPSHOT = ("-m", "bpfdoctor", "snapshot", *ABOUT, "--no-smoke")
FROM = ("-m", "bpfdoctor", "check", "--json", "--from")

SECONDS = 160.0
"""Time for one circumstance: Python and BPF programs under emulation, on a busy machine."""


@dataclass(frozen=True)
class Features:
    """Program and map types, by bpftool's names: our probes' errnos, and bpftool's verdicts."""

    ours: dict[str, str]
    theirs: dict[str, bool]

    def contradictions(self) -> list[str]:
        """Types of which bpftool says another thing than our probes."""
        return [
            f"{name}: bpftool says {self.theirs[name]}, our probe {error or 'that it works'}"
            for name, error in self.ours.items()
            if self.theirs.get(name) is bool(error)  # bpftool may be older than a type
        ]


@dataclass(frozen=True)
class Examined:
    """One kernel in one circumstance.

    `programs` and `findings` are those of the report, by name and by key; `seen` is what each
    program did, stage by stage; `snapshot` what bpfdoctor recorded; `features` what the kernel was
    probed for, in the circumstance `base` alone.
    """

    kernel: str
    circumstance: Circumstance
    report: dict[str, Any]
    seen: dict[str, dict[str, Any]]
    snapshot: str
    features: Features | None = None

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
    """What is run in a circumstance: prove, record, judge, run the programs, show the record.

    Only a snapshot asks about every program; what is judged is the record, as it would be there.
    """
    file = f"{circumstance.home}/{circumstance.name}.json"
    asked = [
        circumstance.around((*PYTHON, *CHECK, "--only", "smoke.kernel")),
        circumstance.around((*PYTHON, *SNAPSHOT, "-o", file)),
        circumstance.around((*PYTHON, *FROM, file)),
        circumstance.around((*PYTHON, "/guest/observe.py", "/guest/programs")),
        ("cat", file),
    ]
    return asked + (PROBES if circumstance.name == "base" else [])


PROBES = [
    ("env", *PYTHON, "/guest/probe.py"),
    ("bpftool", "-j", "feature", "probe", "kernel"),
]


def examine(name: str, circumstances: Sequence[Circumstance], work: Path) -> Iterator[Examined]:
    """Boot a kernel once and examine it in each circumstance (all of one command line)."""
    (append,) = {each.append for each in circumstances}
    asked = [commands(each) for each in circumstances]
    seconds = 60 + SECONDS * len(circumstances)
    together = [command for each in asked for command in each]
    results = iter(boot(kernel(name), work, together, append=append, seconds=seconds))
    for circumstance, own in zip(circumstances, asked, strict=True):
        yield _examined(name, circumstance, [next(results) for _ in own])


def _examined(name: str, circumstance: Circumstance, results: Sequence[Ran]) -> Examined:
    smoke, recorded, check, observed, shown, *probes = results
    assert recorded.status == 0, f"status {recorded.status}: {recorded.stderr[-3000:]}"
    report, proof = as_json(check), as_json(smoke)
    report["findings"] += [each for each in proof["findings"] if each["id"] == "smoke.kernel"]
    features = _features(*probes) if probes else None
    return Examined(name, circumstance, report, as_json(observed), shown.stdout, features)


def _features(ours: Ran, theirs: Ran) -> Features:
    found = as_json(theirs)
    return Features(as_json(ours), {**found["program_types"], **found["map_types"]})


def as_json(ran: Ran) -> dict[str, Any]:
    """The object that a command printed."""
    assert ran.stdout.startswith("{"), (
        f"status {ran.status}: {ran.stdout[-500:]}{ran.stderr[-3000:]}"
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
