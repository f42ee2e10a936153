"""tracefs is looked for below debugfs where something needs it there, and never otherwise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.bpf

ASK = """
import sys
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.system.mount_table import read_mounts
from bpfdoctor.host.system.trace import open_trace, tracepoint_id
from bpfdoctor.host.system.trace_window import AskTraceWindow
from bpfdoctor.host.system.tracefs import AskTracefs, AskTracepoint
host = LiveHost(Machine())
if sys.argv[1] == "old":
    print(host.ask(AskTracefs(old=True)).readable)
else:
    for question in (AskTracefs(), AskTracepoint("sched", "sched_process_exec"), AskTraceWindow()):
        host.ask(question)
    tracepoint_id("sched", "sched_process_exec")
    with open_trace():
        pass
print([each.place for each in read_mounts() if each.place.startswith("/sys/kernel/debug/")])
host.close()
"""

OLD = "/sys/kernel/debug/tracing"


def asked(what: str, mounts: str) -> str:
    script = f'set -e; {mounts}; exec "$0" -c "$1" {what}'
    argv = ["unshare", "-m", "sh", "-c", script, sys.executable, ASK]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


DEBUGFS = "mount -t debugfs debugfs /sys/kernel/debug"


def test_asking_mounts_no_tracefs_below_debugfs(kernel: None, needs: Callable[..., None]) -> None:
    needs("root", "unshare")
    assert asked("usual", DEBUGFS) == "[]\n"


def test_the_old_place_is_looked_at_where_it_is_asked_for(
    kernel: None, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    assert OLD in asked("old", DEBUGFS).splitlines()[0]


def test_the_old_place_is_looked_at_where_there_is_no_other(
    kernel: None, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    gone = "while umount /sys/kernel/tracing 2>&-; do :; done"
    assert OLD in asked("usual", f"{DEBUGFS}; {gone}")
