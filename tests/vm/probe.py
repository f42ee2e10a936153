"""In the guest: what our probes of program and map types say, as JSON, to hold against bpftool."""

from __future__ import annotations

import json
import os

from bpfdoctor.host.bpf.calls import MAP_TYPES, PROGRAM_TYPES
from bpfdoctor.host.bpf.probes import CreateMap, LoadProgram
from bpfdoctor.host.live import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer

SIZES = {"perf_event_array": (4, 4, 1), "ringbuf": (0, 0, 4096)}
"""Key, value and entries; other maps take 4, 4 and 1."""

NAMED = ("tracing", "lsm")
"""Program types that cannot be loaded without naming what they hang on."""


def main() -> None:
    """Ask for every type that a probe names; the answer is an errno, or empty when it worked."""
    host = LiveHost(Machine(dict(os.environ)))
    asked = {f"have_{name}_prog_type": LoadProgram(name) for name in PROGRAM_TYPES}
    maps = {
        f"have_{name}_map_type": CreateMap(name, *SIZES.get(name, (4, 4, 1))) for name in MAP_TYPES
    }
    found = {}
    for name, question in {**asked, **maps}.items():
        if any(f"_{each}_" in name for each in NAMED):
            continue
        answer = host.ask(question)
        found[name] = answer.reason if isinstance(answer, NoAnswer) else answer.error
    host.close()
    print(json.dumps(found))  # noqa: T201


main()
