"""Private trace instances: made, read, removed, and swept when their run was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.scratch import boot_id
from bpfdoctor.host.system.trace import Trace, open_trace, sweep, tracefs_path, tracepoint_id
from bpfdoctor.host.system.tracefs import AskTracepoint, TracepointFacts

pytestmark = pytest.mark.bpf


def instances() -> list[str]:
    place = tracefs_path()
    assert place is not None
    return os.listdir(f"{place}/instances")


def test_an_instance_lives_as_long_as_its_block(kernel: None) -> None:
    with open_trace() as trace:
        assert trace.path.name in instances()
        assert f"-{os.getpid()}-" in trace.path.name
        assert trace.lines() == []
        assert int((trace.path / "buffer_size_kb").read_text().split()[0]) < 100
    assert trace.path.name not in instances()


def test_an_instance_goes_when_its_block_fails(kernel: None) -> None:
    trace = open_trace()
    with pytest.raises(KeyboardInterrupt), trace:
        raise KeyboardInterrupt
    assert trace.path.name not in instances()


def test_two_instances_of_one_process_do_not_meet(kernel: None) -> None:
    with open_trace() as one, open_trace() as other:
        assert one.path != other.path


READ_ONLY = """
import os
from bpfdoctor.host.scratch import boot_id
from bpfdoctor.host.system.trace import open_trace
with open_trace() as trace:
    trace.lines()
    made = [each for each in os.listdir(f"{trace.path}/instances") if f"-{os.getpid()}-" in each]
    print(trace.private, trace.path, len(made))
"""


def test_where_tracefs_is_read_only_the_global_trace_is_read(
    kernel: None, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    place = tracefs_path()
    shut = f'mount -o remount,bind,ro {place} && exec "$@"'
    argv = ["unshare", "--mount", "--propagation=private", "sh", "-c", shut, "sh"]
    done = subprocess.run(
        [*argv, sys.executable, "-c", READ_ONLY], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", place, "0"]


def test_nobody_can_remove_an_instance_in_use(kernel: None) -> None:
    with open_trace() as trace, pytest.raises(OSError, match="busy"):
        trace.path.rmdir()


def test_an_instance_goes_although_a_process_that_was_just_started_still_holds_it(
    kernel: None,
) -> None:
    with open_trace() as trace:
        held = os.open(trace.path / "buffer_size_kb", os.O_RDONLY)
        holder = subprocess.Popen(["sleep", "0.2"], pass_fds=[held])
        os.close(held)
    assert trace.path.name not in instances()
    assert holder.wait() == 0


def test_a_sweep_removes_the_instances_of_dead_processes_alone(kernel: None) -> None:
    place = Path(tracefs_path() or "")
    process = subprocess.Popen(["true"])
    process.wait()
    names = [
        f"bpfdoctor-{boot_id()}-{process.pid}-0a1b2c3d",
        f"bpfdoctor-{boot_id()}-{os.getppid()}-0a1b2c3d",  # alive
        f"bpfdoctor-00000000-{process.pid}-0a1b2c3d",  # of another boot: none of ours
        f"bpfdoctor-{boot_id()}-{process.pid}-my-own",
        f"bpfdoctor-{boot_id()}-{process.pid}-0a1b2c3d-2",
        f"someone-{process.pid}",
    ]
    dead, *others = (place / "instances" / name for name in names)
    for each in (dead, *others):
        each.mkdir()
    try:
        assert sweep(place) == [dead.name]
        assert all(each.is_dir() for each in others)
    finally:
        for each in others:
            each.rmdir()


def test_the_id_of_a_tracepoint_is_a_number_and_of_none_is_enoent(kernel: None) -> None:
    assert tracepoint_id("syscalls", "sys_enter_getcpu") > 0
    with pytest.raises(FileNotFoundError):
        tracepoint_id("syscalls", "sys_enter_nonesuch")


def test_the_name_of_a_tracepoint_leads_nowhere_else(kernel: None, tmp_path: Path) -> None:
    """An object names it: root would read any file that is called `id`, and say what is in it."""
    (tmp_path / "id").write_text("7\n")
    up, name = "/".join([".."] * 9) + str(tmp_path.parent), tmp_path.name
    for category, event in ((up, name), (".", f"{up}/{name}"), ("sched", ".."), ("sched", "a/b")):
        with pytest.raises(FileNotFoundError):
            tracepoint_id(category, event)
        assert AskTracepoint(category, event).put(Machine()) == TracepointFacts(None, False)


def test_before_linux_5_9_the_global_trace_is_read_and_nothing_made(tmp_path: Path) -> None:
    (tmp_path / "trace").write_text("# tracer: nop\n#\n  a-1 [000] 1.0: 0: hello\n")
    with Trace(tmp_path) as trace:
        assert not trace.private
        assert trace.lines() == ["  a-1 [000] 1.0: 0: hello"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["trace"]
