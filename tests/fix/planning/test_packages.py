"""What is asked of the manager before a package is named, and what is left to a person."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import pytest
from manager_says import ManagerHost, Said

from bpfdoctor.fix.catalogue.packages import Capability
from bpfdoctor.fix.managers.apt import LISTS
from bpfdoctor.fix.plan import Manual, Step
from bpfdoctor.fix.planning.packages import plan_packages

SHOWN = "${Package} ${db:Status-Status} ${Version}\n"
SEARCH = r"apt-cache search --names-only '^clang\-[0-9]+$'"
CLANG, MAKE = Capability("clang"), Capability("make")
NEW = Capability("clang", 16)


class Debian(ManagerHost):
    """A Debian that has these packages: name to the installed version and the candidate."""

    def __init__(
        self,
        has: Mapping[str, tuple[str, str]],
        says: Mapping[str, Said] = {},
        *,
        lists: bool = True,
    ) -> None:
        names = {LISTS: ("x_Packages",) if lists else ()}
        super().__init__({"dpkg --audit": "", **says}, names=names)
        self.has = has

    def _ran(self, line: str):  # type: ignore[no-untyped-def]
        words = shlex.split(line)
        known = [name for name in words if name in self.has]
        if words[:2] == ["apt-cache", "policy"] and known:
            shown = (f"{n}:\n  Candidate: {self.has[n][1] or '(none)'}\n" for n in known)
            self.says[line] = "".join(shown)
        elif words[:3] == ["dpkg-query", "-W", f"-f={SHOWN}"]:
            there = (name for name in known if self.has[name][0])
            self.says[line] = "".join(f"{n} installed {self.has[n][0]}\n" for n in there)
        return super()._ran(line)


def planned(
    host: ManagerHost, *missing: Capability, expected: tuple[Capability, ...] = ()
) -> tuple[list[Step], list[Manual]]:
    return plan_packages(
        {need: [f"check.{need.name}"] for need in missing},
        host,
        {need: [f"expected.{need.name}"] for need in expected},
    )


def packages(host: ManagerHost, *missing: Capability) -> tuple[str, ...]:
    steps, manual = planned(host, *missing)
    assert manual == []
    assert [step.id for step in steps] == ["packages"]
    return steps[0].packages


def test_nothing_missing_asks_nothing() -> None:
    host = Debian({})
    assert planned(host) == ([], [])
    assert host.ran == []


def test_what_is_missing_is_one_transaction() -> None:
    host = Debian({"clang": ("", "1:14.0-55"), "make": ("", "4.3-4.1")})
    assert packages(host, CLANG, MAKE) == ("clang", "make")


def test_of_several_packages_of_one_capability_only_what_is_absent_is_installed() -> None:
    host = Debian({"gcc": ("12", "12"), "libc6-dev": ("", "2.36")})
    assert packages(host, Capability("cc")) == ("libc6-dev",)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [("1:16.0.6-1", "clang"), ("1:17.0", "clang"), ("1:15.0", "clang-16")],
)
def test_a_candidate_that_is_too_old_gives_way_to_a_package_of_one_version(
    candidate: str, expected: str
) -> None:
    found = "clang-14 - old\nclang-16 - fits\nclang-15 - old\nclang-tools-16 - another\n"
    host = Debian({"clang": ("", candidate), "clang-16": ("", "1:16.0")}, {SEARCH: found})
    assert packages(host, NEW) == (expected,)


def test_the_newest_that_is_not_installed_already_is_taken() -> None:
    found = {
        "apt-cache search --names-only '^clang\\-[0-9]+$'": "clang-9 x\nclang-19 x\nclang-16 x"
    }
    has = {"clang": ("1:14", "1:14"), "clang-19": ("1:19", "1:19"), "clang-16": ("", "1:16")}
    assert packages(Debian(has, found), NEW) == ("clang-16",)
    (step,), manual = planned(Debian(has, found), CLANG)
    assert (step.packages, manual) == (("clang-16",), [])
    assert "clang is installed and does not work: clang-16 instead" in step.notes


def test_an_installed_package_that_does_not_work_is_left_to_a_person() -> None:
    steps, (manual,) = planned(Debian({"make": ("4.3", "4.3")}), MAKE)
    assert steps == []
    assert manual.why == ("check.make",)
    assert "make is installed and does not work" in manual.text
    assert "--reinstall make" in manual.text


def test_what_the_lists_do_not_have_is_left_to_a_person_and_the_rest_is_installed() -> None:
    host = Debian({"make": ("", ""), "bpftool": ("", "7.1")}, {"apt-cache showpkg make": ""})
    (step,), (manual,) = planned(host, MAKE, Capability("bpftool"))
    assert step.packages == ("bpftool",)
    assert "make is not in the lists of apt" in manual.text


@pytest.mark.parametrize(
    ("providers", "steps", "words"),
    [("gmake 1\n", 1, ""), ("gmake 1\nbmake 2\n", 0, "one of these provides it: gmake bmake")],
)
def test_a_name_that_one_package_provides_is_installed_and_one_of_several_is_chosen_by_a_person(
    providers: str, steps: int, words: str
) -> None:
    says = {"apt-cache showpkg make": f"Package: make\nReverse Provides: \n{providers}"}
    found, manual = planned(Debian({"make": ("", "")}, says), MAKE)
    assert len(found) == steps
    assert words in "".join(each.text for each in manual)


def test_empty_lists_say_nothing_against_a_package() -> None:
    steps, manual = planned(Debian({"make": ("", "")}, lists=False), MAKE)
    assert [step.id for step in steps] == ["refresh", "packages"]
    assert manual == []


def test_a_manager_that_does_not_answer_proves_nothing_against_a_package() -> None:
    steps, manual = planned(Debian({}), MAKE)
    assert ([step.id for step in steps], manual) == (["packages"], [])


def test_what_will_be_asked_for_next_is_taken_along_where_it_is_to_be_had() -> None:
    has = {"make": ("", "4"), "bpftool": ("", "7"), "llvm": ("", ""), "libelf-dev": ("1", "1")}
    expected = tuple(map(Capability, ("bpftool", "llvm", "libelf-headers")))
    (step,), manual = planned(Debian(has), MAKE, expected=expected)
    assert (step.packages, manual) == (("make", "bpftool"), [])
    assert step.why == ("check.make", "expected.bpftool")


def test_a_capability_without_a_package_here_is_left_to_a_person() -> None:
    _, (manual,) = planned(Debian({}), Capability("unheard-of"))
    assert "install unheard-of by hand" in manual.text


@pytest.mark.parametrize(
    ("distribution", "absent", "command"),
    [
        (("gentoo", ""), (), "emerge"),
        (("debian", "12"), ("apt-get",), "apt-get install"),
        (("nowhere", "1"), (), ""),
    ],
)
def test_where_no_manager_of_ours_is_a_person_gets_the_command(
    distribution: tuple[str, str], absent: tuple[str, ...], command: str
) -> None:
    host = ManagerHost(distribution=distribution, absent=absent)
    steps, (manual,) = planned(host, MAKE, NEW)
    assert steps == []
    assert manual.why == ("check.make", "check.clang")
    assert command in manual.text
    assert host.ran == []


CRB = {
    "dnf -q -C repolist --all": "crb  CRB  disabled\n",
    "dnf config-manager --help": "",
    "dnf -q -C repoquery --latest-limit=1 --qf '%{name}' '*'": "bash\n",
    shlex.join(
        (
            *("dnf", "-q", "-C", "repoquery", "--latest-limit=1", "--qf"),
            *("%{name} %{epoch}:%{version}-%{release}", "--whatprovides", "libbpf-devel"),
        )
    ): "",
}


def test_what_a_repository_that_is_off_may_have_is_installed_once_it_is_on() -> None:
    host = ManagerHost(CRB, distribution=("rocky", "9.3"))
    steps, manual = planned(host, Capability("libbpf-headers"))
    assert [step.id for step in steps] == ["repository:crb", "refresh", "packages"]
    assert (steps[-1].packages, manual) == (("libbpf-devel",), [])


def test_a_repository_that_cannot_be_switched_on_is_left_to_a_person() -> None:
    host = ManagerHost({**CRB, "dnf config-manager --help": (1, "")}, distribution=("rocky", "9.3"))
    steps, (manual,) = planned(host, Capability("libbpf-headers"))
    assert steps == []
    assert "dnf install -y dnf-plugins-core" in manual.text


def test_a_person_is_told_of_the_version_that_is_asked_for() -> None:
    _, (manual,) = planned(ManagerHost(distribution=("nowhere", "1")), NEW)
    assert "version 16 or newer" in manual.text


POLICY = " 500 http://deb.example.org/debian {}/main amd64 Packages\n     release n={}\n"


@pytest.mark.parametrize(("suite", "advised"), [("bookworm", True), ("bookworm-backports", False)])
def test_backports_are_named_where_they_are_not_on(suite: str, advised: bool) -> None:
    says = {"apt-cache policy": POLICY.format(suite, suite), SEARCH: ""}
    _, (manual,) = planned(Debian({"clang": ("1:14", "1:14")}, says), NEW)
    assert ("apt-get install -t bookworm-backports clang" in manual.text) == advised
    assert "clang is too old" in manual.text
    assert "--reinstall" not in manual.text


def test_what_is_new_enough_and_does_not_work_is_no_reason_for_backports() -> None:
    says = {"apt-cache policy": POLICY.format("bookworm", "bookworm")}
    _, (manual,) = planned(Debian({"make": ("4.3", "4.3")}, says), MAKE)
    assert "backports" not in manual.text
    assert "apt-get install --reinstall make" in manual.text
