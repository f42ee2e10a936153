"""apt and dpkg, by what they print (apt 2.6, dpkg 1.21)."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from manager_says import STATES, ManagerHost, installed

from bpfdoctor.fix.managers.apt import LISTS, OLD, TOUCHED, Age, Apt, AskAge
from bpfdoctor.fix.managers.base import Package
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.model import Run

APT = Apt()
PURGE = ("dpkg", "--purge")
POLICY = """\
make:
  Installed: (none)
  Candidate: 4.3-4.1
  Version table:
     4.3-4.1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
bpftool:
  Installed: (none)
  Candidate: (none)
  Version table:
"""
SHOWN = shlex.join(
    ("dpkg-query", "-W", "-f=${Package} ${db:Status-Status} ${Version}\n", "make", "bpftool")
)
PROVIDERS = """\
Package: bpftool
Versions:

Reverse Depends:
  dwarves,bpftool
Dependencies:
Provides:
Reverse Provides:
linux-tools-common 6.8.0-31.31 (= )
linux-tools-common 6.8.0-30.30 (= )
linux-tools-lowlatency 6.8 (= )
"""
UPDATES = "/var/lib/dpkg/updates"


def test_what_apt_has_and_what_dpkg_has_installed() -> None:
    says = {
        "apt-cache policy make bpftool": POLICY,
        SHOWN: "make installed 4.3-4.1\nbpftool config-files 7.1\n",
        "apt-cache showpkg bpftool": PROVIDERS,
    }
    assert APT.look(ManagerHost(says), ("make", "bpftool")) == {
        "make": Package("4.3-4.1", "4.3-4.1"),
        "bpftool": Package("", "", ("linux-tools-common", "linux-tools-lowlatency")),
    }


@pytest.mark.parametrize("policy", [{}, {"apt-cache policy make": (100, "")}])
def test_a_cache_that_cannot_be_read_proves_nothing(policy: dict[str, tuple[int, str]]) -> None:
    assert APT.look(ManagerHost(policy), ("make",)) == {"make": Package(unsure=True)}


def test_names_of_one_version_are_searched_by_name_alone() -> None:
    search = {
        shlex.join(("apt-cache", "search", "--names-only", r"^clang\-[0-9]+$")): "clang-16 - C\n\n"
    }
    assert APT.matching(ManagerHost(search), "clang-{}") == ("clang-16",)
    assert APT.matching(ManagerHost(), "clang-{}") == ()


@pytest.mark.parametrize("suffix", ["", ".lz4", ".gz"])
def test_lists_are_there_however_they_are_compressed(suffix: str) -> None:
    names = {LISTS: ("lock", f"deb.debian.org_debian_dists_bookworm_main_Packages{suffix}")}
    assert APT.empty(ManagerHost(names=names)) == ""
    assert APT.empty(ManagerHost(names={LISTS: ("lock", "partial")})) != ""
    assert APT.empty(ManagerHost()) != ""


@pytest.mark.parametrize(
    ("lists", "partial", "stale"),
    [(OLD, OLD, False), (OLD + 1, OLD + 1, True), (OLD + 1, 60, False), (60, OLD + 1, False)],
)
def test_lists_are_stale_two_days_after_they_were_last_seen_to(
    lists: float, partial: float, stale: bool
) -> None:
    ages = dict(zip(TOUCHED, (lists, partial), strict=True))
    host = ManagerHost(names={LISTS: ("x_Packages",)}, ages=ages)
    assert bool(APT.stale(host)) == stale


def test_lists_whose_age_is_not_known_are_not_stale_and_empty_ones_are() -> None:
    assert APT.stale(ManagerHost(names={LISTS: ("x_Packages",)})) == ""
    old = dict.fromkeys(TOUCHED, 9 * OLD)
    assert APT.stale(ManagerHost(names={LISTS: ()}, ages=old)) == "the package lists are empty"


@pytest.mark.parametrize(
    ("notes", "audit", "broken"),
    [((), "", False), (("0001",), "", True), ((), "x is half\n", True)],
)
def test_an_installation_that_was_cut_off_is_finished_first(
    notes: tuple[str, ...], audit: str, broken: bool
) -> None:
    host = ManagerHost({"dpkg --audit": audit}, names={UPDATES: notes})
    expected = Run(("dpkg", "--configure", "-a"), privileged=True) if broken else None
    assert APT.broken(host) == expected


def test_what_is_half_installed_is_installed_and_what_left_its_settings_is_not() -> None:
    text = "a installed\nb half-configured\nc config-files\nd:i386 installed\ne not-installed\n"
    host = ManagerHost({STATES: text})
    assert APT.everything(host) == frozenset({"a", "b", "d:i386"})
    assert APT.leftovers(host) == frozenset({"c"})
    assert APT.everything(ManagerHost({STATES: (2, text)})) is None
    assert APT.leftovers(ManagerHost()) == frozenset()


def test_what_it_would_upgrade_is_told_from_what_it_would_add_by_nobody() -> None:
    said = (
        "Inst make (4.3-4.1 Debian:12 [amd64])\n"
        "Inst libc6 [2.35] (2.36 Debian:12 [amd64]) []\n"
        "Inst x:i386 (1 Debian:12 [i386])\n"
        "Conf make (4.3-4.1 Debian:12 [amd64])\n"
    )
    host = ManagerHost({"apt-get -s install make": said})
    names = {"make", "make:amd64", "libc6", "libc6:amd64", "x", "x:i386"}
    assert APT.intended(host, ("apt-get", "install", "make")) == frozenset(names)


def test_settings_that_were_there_before_are_kept() -> None:
    assert APT.removals(PURGE, ("a", "b"), ()) == (("dpkg", "--purge", "a", "b"),)
    assert APT.removals(PURGE, ("a", "b"), ("b", "c")) == (
        ("dpkg", "--remove", "a", "b"),
        ("dpkg", "--purge", "a"),
    )
    assert APT.removals(PURGE, ("b",), ("b",)) == (("dpkg", "--remove", "b"),)


def test_the_age_of_a_file_is_that_of_its_last_change(tmp_path: Path) -> None:
    os.utime(tmp_path, (0, 0))
    answer = AskAge(str(tmp_path)).put(Machine())
    assert isinstance(answer, Age)
    assert answer.seconds > 50 * 365 * 86400
    os.utime(tmp_path, (2**33, 2**33))  # by a clock that was wrong
    assert AskAge(str(tmp_path)).put(Machine()) == Age(0)
    assert isinstance(AskAge(str(tmp_path / "x")).put(Machine()), NoAnswer)


def test_what_is_installed_is_asked_of_dpkg() -> None:
    assert APT.everything(ManagerHost(installed("a", settings=("b",)))) == frozenset({"a"})
