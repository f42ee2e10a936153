"""A package manager is found by its file: no list names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfdoctor.fix import managers
from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.fix.managers.registry import MANAGERS, found_in

MODULE = """
from bpfdoctor.fix.managers.base import PackageManager
class Swupd(PackageManager):
    name = "swupd"
    lock_files = ()
    def look(self, host, names): return {}
    def matching(self, host, pattern): return ()
    def empty(self, host): return ""
    def everything(self, host): return None
    def intended(self, host, argv): return None
MANAGER = Swupd()
"""


def test_a_file_in_the_room_is_all_that_a_new_manager_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "swupd.py").write_text(MODULE)
    monkeypatch.setattr(managers, "__path__", [*managers.__path__, str(tmp_path)])
    assert found_in(managers.__path__).keys() == MANAGERS.keys() | {"swupd"}


def test_no_manager_that_runs_itself_is_without_its_commands_or_its_file() -> None:
    automatic = {name for name, each in catalogue().managers.items() if each.automatic}
    assert MANAGERS.keys() == automatic
