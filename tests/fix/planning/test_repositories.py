"""Which repository is switched on: the manager's own list decides, and whether it can be done."""

from __future__ import annotations

import pytest
from manager_says import ManagerHost

from bpfdoctor.fix.planning.repositories import best_of, by_hand, look_at

LISTED = "dnf -q -C repolist --all"
ABLE = "dnf config-manager --help"
CODEREADY = "codeready-builder-for-rhel-9-x86_64-rpms"


def repositories(crb: str, codeready: str, *, plugin: bool = True) -> ManagerHost:
    """A machine that lists these two as `enabled` or `disabled`, or not at all."""
    listed = {"baseos": "enabled", "crb": crb, CODEREADY: codeready}
    text = "".join(f"{name}  Title  {state}\n" for name, state in listed.items() if state)
    return ManagerHost({LISTED: f"repo id  name  status\n{text}", ABLE: "" if plugin else (1, "")})


@pytest.mark.parametrize(
    ("crb", "codeready", "plugin", "best"),
    [
        ("disabled", "disabled", True, "crb"),
        ("disabled", "disabled", False, "codeready"),  # the one that can be switched on
        ("disabled", "", False, "crb"),
        ("", "disabled", True, "codeready"),
        ("enabled", "disabled", True, "codeready"),
        ("enabled", "", True, "codeready"),
        ("", "", True, "crb"),
        ("enabled", "enabled", True, None),
    ],
)
def test_a_repository_that_is_on_or_cannot_be_switched_on_does_not_stand_before_one_that_can(
    crb: str, codeready: str, plugin: bool, best: str | None
) -> None:
    found = best_of(("crb", "codeready"), repositories(crb, codeready, plugin=plugin))
    assert (found and found.key) == best


@pytest.mark.parametrize(
    ("crb", "plugin", "state", "able"),
    [
        ("disabled", True, "off", True),
        ("disabled", False, "off", False),
        ("enabled", True, "on", False),
        ("", True, "unknown", False),
    ],
)
def test_what_is_known_of_a_repository_is_what_its_manager_lists(
    crb: str, plugin: bool, state: str, able: bool
) -> None:
    known = look_at("crb", repositories(crb, "", plugin=plugin))
    assert (known.state, known.able) == (state, able)


def test_nothing_follows_from_a_list_that_is_not_given() -> None:
    for host in (ManagerHost({LISTED: (1, ""), ABLE: ""}), ManagerHost({ABLE: ""})):
        assert look_at("crb", host).state == "unknown"
    assert look_at("community", ManagerHost()).state == "unknown"


def test_a_repository_is_not_switched_on_by_a_command_that_is_not_there() -> None:
    host = repositories("disabled", "disabled")
    host.absent = ("subscription-manager",)
    assert not look_at("codeready", host).able


def test_what_is_off_is_told_to_a_person_before_what_nobody_knows() -> None:
    host = repositories("", "disabled")
    host.absent = ("subscription-manager",)
    found = best_of(("crb", "codeready"), host)
    assert found is not None
    assert (found.key, found.able) == ("codeready", False)


def test_the_names_that_the_list_gives_are_filled_in() -> None:
    known = look_at("crb", repositories("disabled", ""))
    command = known.filled(known.repository.enable, packages="x")
    assert command == ("dnf", "config-manager", "--set-enabled", "crb")
    assert known.filled(("$absent $packages",), packages="a b") == ("$absent a b",)


def test_a_person_is_told_what_brings_the_command_that_is_missing() -> None:
    known = look_at("crb", repositories("disabled", "", plugin=False))
    lines = by_hand(known, ("dnf", "install"), ["libbpf-devel"]).splitlines()
    assert lines[2:] == ["  dnf install dnf-plugins-core", "  dnf config-manager --set-enabled crb"]


def test_a_person_is_told_how_to_take_packages_from_backports() -> None:
    policy = " 500 http://deb.debian.org/debian bookworm/main amd64 Packages\n"
    known = look_at("backports", ManagerHost({"apt-cache policy": policy}))
    assert (known.state, known.able) == ("off", False)
    lines = by_hand(known, ("apt-get", "install"), ["clang", "llvm"]).splitlines()
    mirror = "http://deb.debian.org/debian bookworm-backports main"
    assert f"'deb {mirror}'" in lines[2]
    assert lines[-1] == "  apt-get install -t bookworm-backports clang llvm"


def test_a_person_is_told_to_add_what_the_manager_does_not_know() -> None:
    known = look_at("crb", repositories("", ""))
    assert "has to be added" in by_hand(known, ("dnf", "install"), ["x"])
