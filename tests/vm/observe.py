"""In the guest: run built programs and say, as JSON, how far each came.

`observe.py DIRECTORY [NAME…]`: the executables of DIRECTORY that libbpf-bootstrap's project file
knows. The question is the one that the smoke asks; only the build is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke import run
from bpfdoctor.smoke.build import Built
from bpfdoctor.smoke.program import run_question
from bpfdoctor.smoke.stages import stages_of

LIMIT = 40.0
"""Seconds for an event: an emulated machine is some fifteen times slower."""

AT_ONCE = 3
"""Programs that run side by side; those that disturb others run alone."""


def observed(host: LiveHost, binary: Path) -> dict[str, object]:
    """What one program did: each stage `true`, `false`, or `null` where it could not be seen."""
    name = binary.name
    program = kind_named("libbpf-bootstrap").programs[name]
    built = Built(0, "", str(binary), hashlib.sha256(binary.read_bytes()).hexdigest())
    asked = run_question(built, name, program)
    question = msgspec.structs.replace(asked, limit=LIMIT)
    ran = host.ask(question)
    if isinstance(ran, NoAnswer):
        return {"stages": {}, "output": ran.shown()}
    # Who asks does not matter here: what did not work did not work.
    outcomes = stages_of(question, msgspec.structs.replace(ran, root=True))
    stages = {each.stage.value: each.happened for each in outcomes}
    said = "; ".join(each.summary for each in outcomes)
    return {"stages": stages, "output": f"{ran.shown()[-1500:]}\n{ran.untraced}\n{said}"}


def all_observed(binaries: Sequence[Path]) -> Iterator[tuple[str, dict[str, object]]]:
    """Side by side, then one by one what disturbs the machine."""
    known = kind_named("libbpf-bootstrap").programs
    host = LiveHost(Machine(dict(os.environ)))
    calm = [each for each in binaries if not known[each.name].disturbs]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = threads.map(lambda each: observed(host, each), calm)
        yield from ((each.name, answer) for each, answer in zip(calm, answers, strict=True))
    for each in binaries:
        if known[each.name].disturbs:
            yield each.name, observed(host, each)
    host.close()


def main() -> None:
    """Run what was named, or all."""
    run.UNSEEN = 15.0  # seconds to load in where no event can be seen: 3 are too few here
    place, names = Path(sys.argv[1]), sys.argv[2:]
    known = kind_named("libbpf-bootstrap").programs
    binaries = [path for path in sorted(place.iterdir()) if path.name in (names or known)]
    print(json.dumps(dict(all_observed(binaries))))  # noqa: T201


main()
