"""Capabilities become the packages of the distribution at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfdoctor.engine.load import load_checks
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.catalogue.packages import capability_of, local, resolve
from bpfdoctor.fix.catalogue.tables import catalogue, covers, family_of, require_plain
from bpfdoctor.host.system.facts import Distribution, distribution_of
from bpfdoctor.model import Install

KERNEL = "6.1.0-50-amd64"


def distribution(name: str, version: str = "", like: tuple[str, ...] = ()) -> Distribution:
    return Distribution(name, like, version, "", f"{name} {version}".strip())


def packages(name: str, version: str, *capabilities: str) -> tuple[str, ...]:
    return resolve(Install(capabilities), distribution(name, version), KERNEL).packages


def test_the_command_is_what_a_person_types() -> None:
    fix = resolve(Install(("clang", "llvm-strip")), distribution("debian", "12"), KERNEL)
    options = ("-y", "--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=60")
    assert fix.argv == ("apt-get", "install", *options, "clang", "llvm")
    assert fix.privileged


@pytest.mark.parametrize(
    ("name", "version", "capability", "expected"),
    [
        ("debian", "12", "cargo", ("cargo-web", "rustc-web")),
        ("debian", "13", "cargo", ("cargo",)),
        ("debian", "", "cargo", ("cargo",)),  # sid has no VERSION_ID
        ("ubuntu", "24.04", "bpftool", ("linux-tools-common", f"linux-tools-{KERNEL}")),
        ("ubuntu", "25.10", "bpftool", ("bpftool",)),
        ("ubuntu", "25.04", "bpftool", ("bpftool",)),
        ("ubuntu", "20.04", "clang", ("clang-12",)),
        ("fedora", "39", "zlib-headers", ("zlib-devel",)),
        ("fedora", "40", "zlib-headers", ("zlib-ng-compat-devel",)),
        ("rocky", "9.3", "zlib-headers", ("zlib-devel",)),
        ("amzn", "2023", "zlib-headers", ("zlib-devel",)),
        ("opensuse-tumbleweed", "20260101", "libelf-headers", ("libelf-devel",)),
        ("arch", "", "bpftool", ("bpf",)),
        ("alpine", "3.22.1", "libelf-headers", ("elfutils-dev",)),
        ("alpine", "3.22.1", "make", ("build-base",)),
    ],
)
def test_names_differ_by_distribution_and_release(
    name: str, version: str, capability: str, expected: tuple[str, ...]
) -> None:
    assert packages(name, version, capability) == expected


@pytest.mark.parametrize(
    ("name", "version", "manager"),
    [("centos", "7", "yum"), ("centos", "9", "dnf"), ("amzn", "2", "yum"), ("rocky", "8.9", "dnf")],
)
def test_the_manager_follows_the_release(name: str, version: str, manager: str) -> None:
    assert resolve(Install(("make",)), distribution(name, version), KERNEL).argv[0] == manager


def test_id_like_stands_in_for_an_unknown_id() -> None:
    like = distribution("tuxedo", "24.04", ("ubuntu", "debian"))
    fix = resolve(Install(("zlib-headers",)), like, KERNEL)
    assert fix.packages == ("zlib1g-dev",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID="ol"\nVERSION_ID="9.4"\nID_LIKE="fedora"\n', "rhel"),
        ('ID="ol"\nVERSION_ID="7.9"\nID_LIKE="fedora"\n', "rhel7"),
        ('ID="openEuler"\nVERSION_ID="24.03"\n', "openeuler"),
        ('ID="openeuler"\nVERSION_ID="24.03"\n', "openeuler"),
        ('ID="opensuse-leap"\nVERSION_ID="15.6"\nID_LIKE="suse opensuse"\n', "suse"),
        ('ID="rhel"\nVERSION_ID="8.10"\nID_LIKE="fedora"\n', "rhel"),
        ('ID="arch"\n', "arch"),
    ],
)
def test_an_os_release_file_names_its_family(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text(text)
    here = distribution_of(str(tmp_path / "os-release"))
    assert here is not None
    found = family_of(here, catalogue())
    assert found is not None
    assert found[0] is catalogue().families[expected]
    assert found[1] == here.version


def test_a_derivative_is_not_judged_by_its_own_release_numbers() -> None:
    mint = resolve(Install(("bpftool",)), distribution("linuxmint", "26"), KERNEL)
    assert mint.packages == ("linux-tools-common", f"linux-tools-{KERNEL}")


@pytest.mark.parametrize(
    ("name", "version", "command"),
    [
        ("debian", "12", "apt-get install --reinstall"),
        ("fedora", "40", "dnf reinstall"),
        ("centos", "7", "yum reinstall"),
        ("opensuse-leap", "15.6", "zypper install --force"),
        ("arch", "", "pacman -S"),
        ("alpine", "3.22", "apk fix"),
        ("nixos", "", ""),
    ],
)
def test_a_package_that_has_lost_a_file_is_installed_again(
    name: str, version: str, command: str
) -> None:
    lost = Install((), ("glibc-devel",), text="elf.h belongs to it")
    fix = resolve(lost, distribution(name, version), KERNEL)
    assert " ".join(fix.argv) == (f"{command} glibc-devel" if command else "")
    assert fix.text == "elf.h belongs to it"


def test_what_a_manager_calls_the_owner_is_never_an_option() -> None:
    with pytest.raises(BpfDoctorError):
        resolve(Install((), ("--purge",)), distribution("debian", "12"), KERNEL)


@pytest.mark.parametrize("unknown", [None, distribution("serenity", "1")])
def test_an_unknown_distribution_gets_words_and_no_command(unknown: Distribution | None) -> None:
    fix = resolve(Install(("clang>=11", "make")), unknown, KERNEL)
    assert fix.argv == () == fix.packages
    assert "clang with the BPF back end, version 11 or newer, GNU make" in fix.text


def test_what_one_distribution_lacks_is_named_and_the_rest_is_installed() -> None:
    fix = resolve(Install(("libbpf-headers", "make")), distribution("amzn", "2"), KERNEL)
    assert fix.packages == ("make",)
    assert "libbpf with its headers" in fix.text


@pytest.mark.parametrize(
    ("version", "expected"), [("24.04", "linux-tools-generic"), ("25.10", "bpftool")]
)
def test_microsofts_kernel_has_no_tools_of_its_own(version: str, expected: str) -> None:
    release = "5.15.167.4-microsoft-standard-WSL2"
    fix = resolve(Install(("bpftool",)), distribution("ubuntu", version), release)
    assert fix.packages == (expected,)


def test_an_unconfirmed_name_says_so() -> None:
    fix = resolve(Install(("cargo",)), distribution("fedora", "42"), KERNEL)
    assert "unconfirmed" in fix.text


def test_every_family_knows_every_capability() -> None:
    known = catalogue()
    for name, family in known.families.items():
        covered = {each for step in known.inherited(family) for each in step.packages}
        assert covered == set(known.capabilities), name
        assert set(family.unverified) <= covered, name
        named = {each for several in family.repository.values() for each in several}
        assert named | {family.newer} - {""} <= set(known.repositories), name
        assert family.manager in known.managers, name


@pytest.mark.parametrize("name", ["-o", "--config", "a b", "clang*", "$(id)", "", "../x"])
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(BpfDoctorError, match="not a plain package name"):
        require_plain(name)


def test_a_kernel_release_that_is_not_plain_is_refused() -> None:
    with pytest.raises(BpfDoctorError):
        resolve(Install(("bpftool",)), distribution("ubuntu", "24.04"), "6.8 --force")


@pytest.mark.parametrize(
    ("version", "since", "until", "expected"),
    [
        ("9.3", "", "9", True),
        ("10", "", "9", False),
        ("", "40", "", True),
        ("", "", "12", False),
        ("12", "11", "12", True),
        ("24.04", "25.10", "", False),
    ],
)
def test_bounds_compare_as_many_parts_as_are_written(
    version: str, since: str, until: str, expected: bool
) -> None:
    assert covers(version, since, until) is expected


def test_a_minimum_is_read_from_the_capability() -> None:
    assert (capability_of("clang>=11").name, capability_of("clang>=11").minimum) == ("clang", 11)
    assert capability_of("llvm-strip").name == "llvm"


def test_every_check_that_the_catalogue_names_exists() -> None:
    ids = {check.id for check in load_checks().checks}
    assert set(catalogue().checks) <= ids
    named = {name for names in catalogue().checks.values() for name in names}
    assert named <= set(catalogue().capabilities)


@pytest.mark.parametrize(("version", "newer"), [("12", "backports"), ("", ""), ("sid", "")])
def test_only_a_release_of_debian_has_backports(version: str, newer: str) -> None:
    here = local(distribution("debian", version), KERNEL)
    assert here is not None
    choice = here.choice(capability_of("make"))
    assert choice is not None
    assert choice.newer == newer
