"""A manager that prints nothing, or nonsense, and says that all went well: nothing follows."""

from __future__ import annotations

from typing import Any

import pytest
from manager_says import ManagerHost

from bpfdoctor.fix.managers.base import PackageManager
from bpfdoctor.fix.managers.registry import MANAGERS
from bpfdoctor.host.tools.commands import Completed

NONSENSE = [
    "",
    "\n",
    " \n\t\n",
    "hello\n",
    ":\n::\n: :\n",
    "a\nb c\nd e f\ng h i j\n",
    "<solvable\n<solvable>\n<solvable kind=package>\n",
    "Reverse Provides:\n\n \n",
    "  Candidate: 1\n policy:\n",
    "Installing:\n\x00\udcff\n",
    "x" * 100_000,
]
INSTALLS = {"zypper": ("zypper", "install", "make")}


class Babbling(ManagerHost):
    """Every command ends well and prints the same."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def _ran(self, line: str) -> Any:
        return Completed(0, self.text, "")


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_no_output_breaks_the_reading(manager: PackageManager, text: str) -> None:
    host, argv = Babbling(text), INSTALLS.get(manager.name, (manager.name, "add", "make"))
    assert set(manager.look(host, ("make", "clang"))) == {"make", "clang"}
    assert all(manager.matching(host, "clang-{}")) in (True, False)
    for each in (manager.empty(host), manager.stale(host), manager.against(host, argv, ("make",))):
        assert isinstance(each, str)
    manager.broken(host)
    manager.leftovers(host)
    assert manager.everything(host) is None or manager.everything(host)
    assert manager.intended(host, argv) is None or manager.intended(host, argv)


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n"])
@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_silence_calls_nothing_installed_and_no_machine_empty(
    manager: PackageManager, text: str
) -> None:
    host, argv = Babbling(text), INSTALLS.get(manager.name, (manager.name, "add", "make"))
    found = manager.look(host, ("make",))["make"]
    assert (found.installed, found.candidate) == ("", "")
    assert manager.everything(host) is None
    assert manager.intended(host, argv) is None


@pytest.mark.parametrize("name", ["dnf", "yum", "zypper", "pacman"])
def test_a_word_that_is_no_version_is_not_taken_for_one(name: str) -> None:
    assert MANAGERS[name].look(Babbling("hello\n"), ("make",))["make"].installed == ""


def test_a_pacman_that_says_nothing_proves_nothing_against_a_package() -> None:
    assert MANAGERS["pacman"].look(Babbling(""), ("make",))["make"].unsure
