"""yum, by what its manual says it prints."""

from __future__ import annotations

from manager_says import ManagerHost

from bpfdoctor.fix.managers.base import Package
from bpfdoctor.fix.managers.yum import Yum, versions

YUM = Yum()
LISTED = """\
Installed Packages
make.x86_64                    1:3.82-24.el7                 @base
Available Packages
clang7.0.x86_64                7.0.1-1.el7                   epel
"""


def test_the_version_is_that_of_a_line_of_three_words() -> None:
    assert versions(LISTED) == {"make": "1:3.82-24.el7", "clang7.0": "7.0.1-1.el7"}


def test_what_it_has_is_listed_from_the_cache() -> None:
    host = ManagerHost({"yum -q -C list all make absent": (1, LISTED)})
    assert YUM.look(host, ("make", "absent")) == {
        "make": Package("", "1:3.82-24.el7"),
        "absent": Package(),
    }
    assert YUM.look(ManagerHost(), ("make",)) == {"make": Package()}


def test_only_names_of_the_pattern_are_taken() -> None:
    said = "clang7.x86_64 7 epel\nclang7-devel.x86_64 7 epel\n"
    host = ManagerHost({"yum -q -C list all 'clang[0-9]*'": said})
    assert YUM.matching(host, "clang{}") == ("clang7",)


def test_lists_that_are_not_cached_are_empty() -> None:
    assert YUM.empty(ManagerHost({"yum -q -C repolist": ""})) == ""
    assert YUM.empty(ManagerHost({"yum -q -C repolist": (1, "")}))
    assert YUM.empty(ManagerHost())


def test_what_will_come_is_asked_and_never_answered_with_yes() -> None:
    table = "Installing:\n make   x86_64   4.3-1   base   1 M\n"
    host = ManagerHost({"yum -C --assumeno install -y make": (1, table)})
    assert YUM.intended(host, ("yum", "install", "-y", "make")) == frozenset({"make.x86_64"})


def test_what_is_installed_is_rpms_word() -> None:
    assert YUM.everything(ManagerHost()) is None
