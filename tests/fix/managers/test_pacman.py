"""pacman, by what it prints (pacman 6.0)."""

from __future__ import annotations

import pytest
from manager_says import ManagerHost, Said

from bpfdoctor.fix.managers.base import Package
from bpfdoctor.fix.managers.pacman import SYNC, Pacman, candidates

PACMAN = Pacman()
SHOWN = """\
Repository      : core
Name            : make
Version         : 4.4.1-2
Description     : GNU make: builds

Repository      : testing
Name            : make
Version         : 9-9

Repository      : extra
Name            : bpf
Version         : 1:6.9-1
"""


def test_of_two_repositories_the_first_counts() -> None:
    assert candidates(SHOWN) == {"make": "4.4.1-2", "bpf": "1:6.9-1"}


def test_what_is_installed_and_what_is_to_be_had() -> None:
    says: dict[str, Said] = {
        "pacman -Si make bpf": (1, SHOWN),
        "pacman -Q make": "make 4.4.1-2\n",
        "pacman -Q bpf": (1, "error: package 'bpf' was not found"),
    }
    assert PACMAN.look(ManagerHost(says), ("make", "bpf")) == {
        "make": Package("4.4.1-2", "4.4.1-2"),
        "bpf": Package("", "1:6.9-1"),
    }
    assert PACMAN.look(ManagerHost(), ("make",)) == {"make": Package(unsure=True)}


def test_only_names_of_the_pattern_are_taken() -> None:
    host = ManagerHost({"pacman -Ssq '^clang[0-9]+$'": "clang15\nclang15-x\n"})
    assert PACMAN.matching(host, "clang{}") == ("clang15",)


@pytest.mark.parametrize(("names", "empty"), [(("core.db",), False), (("core.db.sig",), True)])
def test_without_a_database_nothing_is_known(names: tuple[str, ...], empty: bool) -> None:
    assert bool(PACMAN.empty(ManagerHost(names={SYNC: names}))) == empty
    assert PACMAN.empty(ManagerHost())


def test_what_is_there_and_what_will_come() -> None:
    line = "pacman -S --noconfirm make --print --print-format %n"
    argv = ("pacman", "-S", "--noconfirm", "make")
    host = ManagerHost({"pacman -Qq": "a\nb\n", line: "make\nguile\n"})
    assert PACMAN.everything(host) == frozenset({"a", "b"})
    assert PACMAN.intended(host, argv) == frozenset({"make", "guile"})
    assert PACMAN.everything(ManagerHost()) is None
    assert PACMAN.intended(ManagerHost({line: (1, "make\n")}), argv) is None
