"""A home of the test's own, a real applier without a terminal, an ordinary user and a sudo."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from fix_world import World
from own_sudo import Sudo
from repositories import add_submodule, git, repository

from bpfdoctor.fix.applying.applier import Applier
from bpfdoctor.fix.applying.attempts import Patience
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


@pytest.fixture
def user(tmp_path: Path, sudo: Sudo) -> None:
    """The test runs as an ordinary user, who may go to `tmp_path` and has that sudo."""
    for place in (tmp_path, *tmp_path.parents[:3]):
        if os.geteuid() == 0:
            place.chmod(place.stat().st_mode | 0o011)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Generator[None, object, object]:
    """Be that user for the test alone: what pytest writes of it is its own again."""
    changed = "user" in item.fixturenames and os.geteuid() == 0
    if changed:
        os.seteuid(4711)
    try:
        return (yield)
    finally:
        if changed:
            os.seteuid(0)


@pytest.fixture
def sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sudo:
    """Where sudo is looked for there is none, until it is installed."""
    place = tmp_path / "sbin"
    place.mkdir()
    for name in ("env", "kill"):
        (place / name).symlink_to(shutil.which(name) or name)
    (tmp_path / "sudo.log").touch()
    (tmp_path / "sudo.log").chmod(0o666)
    place.chmod(0o1777)
    monkeypatch.setattr("bpfdoctor.fix.applying.elevate.SYSTEM_PATH", str(place))
    return Sudo(place, tmp_path / "sudo.log")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A machine on which files have to exist."""
    return World(tmp_path)
