"""In the guest: what our probes of program and map types say, as JSON, to hold against bpftool."""

from __future__ import annotations

import json
import os

from bpfdoctor.host.bpf.probes import CreateMap, LoadProgram
from bpfdoctor.host.bpf.uapi import BY_BTF_ID, MAP_TYPES, PROGRAM_TYPES
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer

SIZES = {"perf_event_array": (4, 4, 1), "ringbuf": (0, 0, 4096)}
"""Key, value and entries; other maps take 4, 4 and 1."""


def main() -> None:
    """Ask for every type that a probe names; the answer is an errno, or empty when it worked."""
    host = LiveHost(Machine(dict(os.environ)))
    types = [name for name in PROGRAM_TYPES if name not in BY_BTF_ID]
    asked = {f"have_{name}_prog_type": LoadProgram(name) for name in types}
    maps = {
        f"have_{name}_map_type": CreateMap(name, *SIZES.get(name, (4, 4, 1))) for name in MAP_TYPES
    }
    found = {}
    for name, question in {**asked, **maps}.items():
        answer = host.ask(question)
        found[name] = answer.reason if isinstance(answer, NoAnswer) else answer.error
    host.close()
    print(json.dumps(found))  # noqa: T201


main()
