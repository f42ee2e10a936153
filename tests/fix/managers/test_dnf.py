"""dnf, by what it prints (dnf 4.14)."""

from __future__ import annotations

import shlex

import pytest
from manager_says import ManagerHost

from bpfdoctor.fix.managers.base import Package
from bpfdoctor.fix.managers.dnf import Dnf

DNF = Dnf()
QUERY = ("dnf", "-q", "-C", "repoquery")
SHOWN = ("--latest-limit=1", "--qf", "%{name} %{epoch}:%{version}-%{release}", "--whatprovides")
ANY = shlex.join((*QUERY, "--latest-limit=1", "--qf", "%{name}", "*"))


def provided(text: str, status: int = 0) -> ManagerHost:
    return ManagerHost({shlex.join((*QUERY, *SHOWN, "zlib-devel")): (status, text)})


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("other 0:9-9\nzlib-devel 0:1.2-3\n", Package("", "0:1.2-3")),
        ("ng 0:2.1-1\nng 0:2.0-1\nold 0:1-1\n", Package("", "0:2.1-1", ("ng", "old"))),
        ("\nsomething else entirely\n", Package()),
    ],
)
def test_a_package_of_that_name_counts_before_one_that_provides_it(
    text: str, package: Package
) -> None:
    assert DNF.look(provided(text), ("zlib-devel",)) == {"zlib-devel": package}


def test_a_query_that_fails_proves_nothing() -> None:
    assert DNF.look(provided("", 1), ("zlib-devel",))["zlib-devel"].unsure
    assert DNF.look(ManagerHost(), ("zlib-devel",))["zlib-devel"].unsure


def test_only_names_of_the_pattern_are_taken() -> None:
    line = shlex.join((*QUERY, "--qf", "%{name}", "clang[0-9]*"))
    host = ManagerHost({line: "clang16\nclang17-devel\nclang16\nclang17\n"})
    assert DNF.matching(host, "clang{}") == ("clang16", "clang17")


@pytest.mark.parametrize(
    ("said", "empty"), [((0, "bash\n"), False), ((0, " \n"), True), ((1, "bash\n"), True)]
)
def test_a_cache_without_a_package_is_empty(said: tuple[int, str], empty: bool) -> None:
    assert bool(DNF.empty(ManagerHost({ANY: said}))) == empty
    assert DNF.empty(ManagerHost())
    assert bool(DNF.stale(ManagerHost({ANY: said}))) == empty


def test_what_will_come_is_asked_from_the_cache_and_never_answered_with_yes() -> None:
    table = "Installing:\n make   x86_64   4.3-1   baseos   1 M\n"
    host = ManagerHost({"dnf -C --assumeno install -y make": (1, table)})
    assert DNF.intended(host, ("dnf", "install", "-y", "make")) == frozenset({"make.x86_64"})
    assert DNF.intended(ManagerHost(), ("dnf", "install", "-y", "make")) is None


def test_what_is_installed_is_rpms_word() -> None:
    says = {shlex.join(("rpm", "-qa", "--qf", "%{NAME}.%{ARCH}\n")): "a.noarch\n"}
    assert DNF.everything(ManagerHost(says)) == frozenset({"a.noarch"})
    assert DNF.removals(("rpm", "-e"), ("a", "b"), ("a",)) == (("rpm", "-e", "a", "b"),)
    assert DNF.leftovers(ManagerHost()) == frozenset()
    assert DNF.broken(ManagerHost()) is None
    assert DNF.against(ManagerHost(), ("rpm", "-e", "a"), ("a",)) == ""
