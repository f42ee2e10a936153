"""A home of the test's own, and a real applier without a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import add_submodule, git, repository

from bpfdoctor.fix.applying.applier import Applier, Patience
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.host.machine import Machine


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, whose git may fetch from this machine."""
    place = tmp_path / "home"
    place.mkdir()
    (place / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    return place


@pytest.fixture
def applier(home: Path) -> Callable[..., Applier]:
    """Makes an applier that says into a list."""

    def make(said: list[str] | None = None, patience: Patience | None = None) -> Applier:
        machine = Machine(dict(os.environ))
        elevation = Elevation(machine.environ, terminal=False)
        say = (said if said is not None else []).append
        return Applier(machine, elevation, say, patience or Patience(pauses=(0,), idle=20))

    return make


@pytest.fixture
def nest(tmp_path: Path, home: Path) -> Path:
    """A checkout with libbpf, and bpftool with a libbpf of its own, all unfilled; from file://."""
    servers = tmp_path / "servers"
    repository(servers / "libbpf", header="libbpf")
    tool = repository(servers / "bpftool", main="bpftool")
    add_submodule(tool, "libbpf", "https://git.invalid/libbpf", servers / "libbpf")
    upstream = repository(servers / "project", Makefile="all:")
    add_submodule(upstream, "libbpf", "https://git.invalid/libbpf", servers / "libbpf")
    add_submodule(upstream, "bpftool", "https://git.invalid/bpftool", tool)
    with (home / ".gitconfig").open("a") as file:
        file.write(f'[url "file://{servers}/"]\n\tinsteadOf = https://git.invalid/\n')
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "-q", f"file://{upstream}", str(checkout))
    return checkout
