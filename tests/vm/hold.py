"""In the guest: what bpfdoctor says of each BPF object, and what libbpf does with it, as JSON.

`hold.py DIRECTORY`: the objects there, and `try`, which loads and attaches them. One process judges
them all, each as `bpfdoctor programs --object` does, so that a kernel is asked everything once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bpfdoctor.cli.examine import live_host
from bpfdoctor.cli.parameters import Given
from bpfdoctor.cli.progress import watching
from bpfdoctor.engine.options import ObjectTarget, Options
from bpfdoctor.engine.session import examine
from bpfdoctor.host.elf.ask_object import AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.report.formats.json import programs_tree


def predicted(live: LiveHost, path: str) -> dict[str, Any]:
    """What is said of one object: of each program its stages, kind and target; the causes; and
    the exit status of `bpfdoctor check --object`."""
    report = examine(live, Options(smoke=False, object=path))
    rows = {each["name"]: each["stages"] for each in programs_tree(report)["programs"]}
    gate = examine(live, Options(smoke=False, objects=(ObjectTarget(path),)))
    facts = live.ask(AskBpfObject(path))
    assert isinstance(facts, BpfObject)
    return {
        "programs": rows,
        "exit": gate.verdict.exit,
        "kinds": {each.name: [each.kind, each.target] for each in facts.programs},
        "why": {each.key: each.summary for each in report.findings if each.status != "pass"},
    }


def seen(place: Path, paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What libbpf did with each object: `*` is every program of one that it does not open."""
    tried = subprocess.run([place / "try", *paths], stdout=subprocess.PIPE, check=True)
    found: dict[str, dict[str, Any]] = json.loads(tried.stdout)
    return found


def _each(names: Mapping[str, Any], did: Mapping[str, Any]) -> dict[str, Any]:
    return {name: did.get(name) or did["*"] for name in names}


def main() -> None:
    """First what is predicted, then what happens."""
    place = Path(sys.argv[1])
    paths = [str(path) for path in sorted(place.glob("*.bpf.o"))]
    with watching(sys.stderr) as watcher, live_host(Given(), watcher) as live:
        found = {Path(path).name: predicted(live, path) for path in paths}
    did = seen(place, paths)
    for name, said in found.items():
        said["seen"] = _each(said["programs"], did[name])
    print(json.dumps(found))  # noqa: T201


main()
