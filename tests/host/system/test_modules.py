"""Modules that would be loaded: by depmod's index, the files themselves, and the kernel's leave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.system import modules
from bpfdoctor.host.system.modules import AskLoadable, Modules

NAMES = ("sch_ingress", "cls_bpf")
PLACE = "kernel/net/sched"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The modules of this release: one with a dependency, both there and not loaded."""
    found = tmp_path / "modules" / os.uname().release
    (found / PLACE).mkdir(parents=True)
    for name in ("sch_ingress.ko.xz", "cls-bpf.ko", "helper.ko"):
        (found / PLACE / name).touch()
    lines = (f"{PLACE}/sch_ingress.ko.xz: {PLACE}/helper.ko", f"{PLACE}/cls-bpf.ko:")
    (found / "modules.dep").write_text("\n".join(lines) + "\n")
    (tmp_path / "disabled").write_text("0\n")
    (tmp_path / "loaded").mkdir()
    monkeypatch.setattr(modules, "TREES", tmp_path / "modules")
    monkeypatch.setattr(modules, "DISABLED", tmp_path / "disabled")
    monkeypatch.setattr(modules, "LOADED", tmp_path / "loaded")
    return found


def test_files_that_are_there_would_be_loaded(live: LiveHost, tree: Path) -> None:
    assert live.ask(AskLoadable(NAMES)) == Modules(NAMES)


def test_what_is_loaded_or_built_in_is_there(live: LiveHost, tree: Path) -> None:
    (modules.LOADED / "cls_bpf").mkdir()
    (tree / "modules.builtin").write_text(f"{PLACE}/sch_ingress.ko\n")
    assert live.ask(AskLoadable(NAMES)) == Modules(())


@pytest.mark.parametrize("gone", ["sch_ingress.ko.xz", "helper.ko"])
def test_a_line_without_its_files_is_no_module(live: LiveHost, tree: Path, gone: str) -> None:
    (tree / PLACE / gone).unlink()
    assert live.ask(AskLoadable(NAMES)) == Modules(("cls_bpf",), ("sch_ingress",))


def test_nothing_is_loaded_once_that_is_disabled(live: LiveHost, tree: Path) -> None:
    modules.DISABLED.write_text("1\n")
    assert live.ask(AskLoadable(NAMES)) == Modules((), NAMES)


def test_a_kernel_without_modules_has_no_such_setting(live: LiveHost, tree: Path) -> None:
    modules.DISABLED.unlink()
    assert live.ask(AskLoadable(NAMES)) == Modules((), NAMES)


def test_without_an_index_nothing_is_known_to_load(live: LiveHost, tree: Path) -> None:
    (tree / "modules.dep").unlink()
    assert live.ask(AskLoadable(NAMES)) == Modules((), NAMES)
