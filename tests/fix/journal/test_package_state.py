"""What is noted of packages before and after a step: the manager may lie, or say nothing."""

from __future__ import annotations

import shlex

import pytest
from manager_says import STATES, ManagerHost, installed
from msgspec.structs import replace

from bpfdoctor.fix.journal.package_state import (
    added,
    installed_before,
    intended,
    leftovers_before,
    missing,
)
from bpfdoctor.fix.journal.write import Before
from bpfdoctor.fix.managers.apt import LISTS
from bpfdoctor.fix.plan import Step

OPTIONS = ("-y", "--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=60")
ARGV = ("apt-get", "install", *OPTIONS, "make")
INSTALL = Step("packages", "install", "t", ARGV, manager="apt", packages=("make",))
RUN = Step("run", "run", "t", ("true",))
SPOKEN = "Inst make (4.3-4.1 Debian:12 [amd64])\nInst libx (1 Debian:12 [all]) []\nConf make (x)\n"
SIMULATED = shlex.join((ARGV[0], "-s", *ARGV[1:]))
SHOWN = "${Package} ${db:Status-Status} ${Version}\n"


@pytest.mark.parametrize("kind", ["install", "repair", "remove"])
def test_all_that_is_installed_is_noted_before_a_step_that_changes_it(kind: str) -> None:
    host = ManagerHost(installed("b", "a", settings=("c",)))
    step = replace(INSTALL, kind=kind)
    assert installed_before(host, step) == ("a", "b")
    assert installed_before(ManagerHost({STATES: (1, "")}), step) is None


@pytest.mark.parametrize("kind", ["run", "refresh", "repository", "submodule"])
def test_nothing_is_asked_before_a_step_that_changes_no_package(kind: str) -> None:
    step = replace(INSTALL, kind=kind)
    assert installed_before(ManagerHost(), step) is None
    assert leftovers_before(ManagerHost(installed(settings=("c",))), step) == ()
    assert intended(ManagerHost({SIMULATED: SPOKEN}), step) is None


def test_settings_that_others_left_are_noted_so_that_they_are_not_purged() -> None:
    host = ManagerHost(installed("a", settings=("d", "c")))
    assert leftovers_before(host, INSTALL) == ("c", "d")


def test_what_will_come_is_asked_of_the_manager_alone() -> None:
    host = ManagerHost({SIMULATED: SPOKEN})
    assert intended(host, INSTALL) == ("libx", "libx:all", "make", "make:amd64")
    assert intended(ManagerHost({SIMULATED: (100, SPOKEN)}), INSTALL) is None
    upgrade = replace(INSTALL, argv=("apt-get", "dist-upgrade"))
    assert intended(host, upgrade) is None
    assert host.ran == [SIMULATED]


@pytest.mark.parametrize(
    ("packages", "said", "found"),
    [
        (("old",), ("make", "libx"), ("make",)),
        (("old",), None, ("make", "theirs")),
        (("old", "make"), ("make",), ()),
        (None, ("make",), ()),
    ],
)
def test_only_what_came_by_this_step_counts_as_added(
    packages: tuple[str, ...] | None, said: tuple[str, ...] | None, found: tuple[str, ...]
) -> None:
    host = ManagerHost(installed("old", "make", "theirs"))
    before = Before(INSTALL, ARGV, "", packages=packages, intended=said)
    assert added(host, before) == found


def test_what_was_added_is_not_known_where_the_manager_does_not_say() -> None:
    before = Before(INSTALL, ARGV, "", packages=("old",))
    assert added(ManagerHost({STATES: (1, "")}), before) is None
    assert added(ManagerHost({STATES: (1, "")}), replace(before, step=RUN)) == ()


def looked(installed: str = "", providers: str = "") -> ManagerHost:
    """A machine where make is installed, or not; or only something that provides it."""
    query = ("dpkg-query", "-W", f"-f={SHOWN}")
    others = {shlex.join((*query, "gmake")): providers}
    return ManagerHost(
        {
            shlex.join((*query, "make")): installed,
            "apt-cache policy make": "make:\n  Candidate: (none)\n",
            "apt-cache policy gmake": "gmake:\n  Candidate: 1\n",
            "apt-cache showpkg make": "Reverse Provides: \ngmake 1\n" if providers else "",
            **others,
        }
    )


def test_a_manager_that_ends_well_and_brings_nothing_is_seen_through() -> None:
    assert missing(looked(), INSTALL) == ("make",)
    assert missing(looked("make installed 4.3\n"), INSTALL) == ()
    assert missing(looked("make config-files 4.3\n"), INSTALL) == ("make",)
    assert missing(looked(), RUN) == ()


def test_a_name_is_there_where_a_package_that_provides_it_is() -> None:
    assert missing(looked(providers="gmake installed 1\n"), INSTALL) == ()
    assert missing(looked(providers="gmake config-files 1\n"), INSTALL) == ("make",)
    itself = looked("make installed 4.3\n", providers="gmake config-files 1\n")
    assert missing(itself, INSTALL) == ()


def test_a_refresh_that_fetched_no_list_did_not_take() -> None:
    refresh = replace(INSTALL, kind="refresh")
    assert missing(ManagerHost(names={LISTS: ("lock",)}), refresh) == ("package lists",)
    assert missing(ManagerHost(names={LISTS: ("x_Packages",)}), refresh) == ()
