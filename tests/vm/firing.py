"""In the guest: what bpfdoctor says of the firing of each kind of program, as JSON."""

from __future__ import annotations

import json
import os

from bpfdoctor.api import Project, Stage
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.model import Program, ProjectKind
from bpfdoctor.testing import run_check

KINDS = ("kprobe", "uprobe", "trampoline", "tracepoint", "classifier", "socket-filter", "iterator")
CHECKS = (
    *("kernel.function-tracer", "kernel.kprobes", "kernel.trampolines", "kernel.lsm"),
    *("kernel.lsm-active", "kernel.fires", "runtime.loopback"),
)


def main() -> None:
    """Run these checks for a program that needs all of them."""
    keys = (*CHECKS, *(f"kernel.fires[{kind}]" for kind in KINDS))
    program = Program("all kinds", needs={Stage.FIRES: keys})
    kind = ProjectKind("sample", "a sample", "flat", ("it",), {"it": program})
    host = LiveHost(Machine(dict(os.environ)))
    found = [
        each for check in CHECKS for each in run_check(check, host, Project(kind, "", ("it",)))
    ]
    host.close()
    said = {each.key: [each.status.value, each.summary, *each.blocked_by] for each in found}
    print(json.dumps(said))  # noqa: T201


main()
