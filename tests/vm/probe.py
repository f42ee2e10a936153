"""In the guest: what our probes of program and map types say, as JSON, to hold against bpftool."""

from __future__ import annotations

import json
import os

from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.bpf.features.program_types import LOADABLE
from bpfdoctor.host.bpf.probes import CreateMap, LoadProgram
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer

MAPS = ("hash", "array", "perf_event_array", "ringbuf")
"""Those that bpfdoctor's own checks make by their name."""


def main() -> None:
    """Ask for every type that a probe names; the answer is an errno, or empty when it worked."""
    host = LiveHost(Machine(dict(os.environ)))
    asked = {f"have_{name}_prog_type": LoadProgram(name) for name in LOADABLE}
    maps = {f"have_{name}_map_type": CreateMap(name, *_sizes(name)) for name in MAPS}
    found = {}
    for name, question in {**asked, **maps}.items():
        answer = host.ask(question)
        found[name] = answer.reason if isinstance(answer, NoAnswer) else answer.error
    host.close()
    print(json.dumps(found))  # noqa: T201


def _sizes(name: str) -> tuple[int, int, int]:
    each = MAP_TYPES[name]
    return each.key_size, each.value_size, each.entries


main()
