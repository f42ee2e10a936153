"""What every test shares: a clean environment, the live host, and loud skips."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loud import missing, require

from bpfdoctor.host.bpf import late_close
from bpfdoctor.host.bpf.probes import LoadProgram
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.scratch import scratch_prefix
from bpfdoctor.host.signals import pass_none_on
from bpfdoctor.host.system.trace import tracefs_path
from bpfdoctor.host.system.tracefs import PLACES

STEERING = (
    *("CC", "HOSTCC", "CROSS_COMPILE", "AR", "HOSTAR", "CLANG", "LLVM_STRIP", "BPFTOOL", "CARGO"),
    *("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "NO_COLOR", "FORCE_COLOR"),
)
"""Variables of a developer's shell that would change what the tests see."""

# Nor what a CI runner or `nohup make test &` ignores: tests start programs, and signal them.
pass_none_on()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No steering variables, and neither the cache nor the state of whoever runs the tests."""
    for name in STEERING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))
    assert "checks" not in sys.modules, "the top-level directory `checks` was imported by that name"


def pytest_sessionfinish() -> None:
    """Take away what the machines of tests leave that nobody closes."""
    for place in Path(tempfile.gettempdir()).glob(f"{scratch_prefix()}*"):
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt in this process, also where the tests run in background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """This machine, without a cache; its scratch directory goes with the test."""
    this = Machine()
    yield this
    this.close()


@pytest.fixture
def live(machine: Machine) -> LiveHost:
    """The live host on `machine`."""
    return LiveHost(machine)


@pytest.fixture
def needs() -> Callable[..., None]:
    """`needs("clang", "root")`: tools on PATH, and root; else a loud skip."""
    return require


@pytest.fixture
def kernel(needs: Callable[..., None]) -> Iterator[None]:
    """Root, a kernel that allows bpf(2), and tracefs; afterwards nothing of ours may be left.

    A program or map that is not pinned lives as long as a descriptor of it.
    """
    needs("root", "mount")
    if not LoadProgram("tracepoint")._load().worked:
        missing("a kernel that lets root load BPF programs")
    if tracefs_path() is None:
        subprocess.run(["mount", "-t", "tracefs", "tracefs", PLACES[0]], check=False)
    if tracefs_path() is None:
        missing("tracefs")
    yield
    late_close.finish()
    assert ours_in_the_kernel() == []


def ours_in_the_kernel() -> list[str]:
    """The BPF objects and events that this process holds, and its trace instances."""
    held = [os.readlink(each) for each in Path("/proc/self/fd").glob("*") if each.is_symlink()]
    place = tracefs_path() or ""
    instances = [each.name for each in Path(place, "instances").glob(f"*-{os.getpid()}-*")]
    objects = [name for name in held if name.startswith("anon_inode:")]
    return [name for name in objects if "bpf" in name or "perf_event" in name] + instances
