"""zypper, by the XML that it prints (zypper 1.14)."""

from __future__ import annotations

import shlex

import pytest
from manager_says import ManagerHost

from bpfdoctor.fix.managers.base import Package
from bpfdoctor.fix.managers.zypper import CACHE, NONE_FOUND, SEARCH, Zypper, solvables

ZYPPER = Zypper()
FULL = {CACHE: ("@System", "repo-oss")}
EXACT = shlex.join((*SEARCH, "--match-exact", "--provides", "zlib-devel"))
XML = """\
<stream><search-result version="0.0"><solvable-list>
<solvable status="not-installed" name="ng" kind="package" edition="2.1-1" repository="r"/>
<solvable status="not-installed" name="ng" kind="srcpackage" edition="9-9" arch="noarch"/>
<solvable status="other" name="zlib-devel" kind="package" edition="1.3-1" arch="x86_64"/>
<solvable status="installed" kind="package" edition="9"/>
</solvable-list></search-result></stream>
"""
INSTALL = ("zypper", "--non-interactive", "install", "--no-recommends", "make")
SUMMARY = """\
<install-summary><to-upgrade><solvable type="package" name="glibc" edition="2" arch="x86_64"/>
</to-upgrade><to-install><solvable type="package" name="make" edition="4.4-1" arch="x86_64"/>
<solvable type="pattern" name="devel" edition="1" arch="x86_64"/>
<solvable type="package" name="odd"/></to-install></install-summary>
"""


def test_sources_and_patterns_are_no_packages() -> None:
    assert solvables(XML) == [("ng", "2.1-1"), ("zlib-devel", "1.3-1")]


@pytest.mark.parametrize(
    ("said", "package"),
    [
        ((0, XML), Package("", "1.3-1")),
        ((0, XML.replace("zlib-devel", "old")), Package("", "2.1-1", ("ng", "old"))),
        ((NONE_FOUND, ""), Package()),
        ((1, ""), Package(unsure=True)),
    ],
)
def test_a_package_of_that_name_counts_before_one_that_provides_it(
    said: tuple[int, str], package: Package
) -> None:
    host = ManagerHost({EXACT: said}, names=FULL)
    assert ZYPPER.look(host, ("zlib-devel",)) == {"zlib-devel": package}


def test_without_lists_nothing_is_searched_for_it_would_fetch_them() -> None:
    host = ManagerHost({EXACT: XML}, names={CACHE: ("@System",)})
    assert ZYPPER.look(host, ("zlib-devel",)) == {"zlib-devel": Package()}
    assert [line for line in host.ran if "zypper" in line] == []
    assert ZYPPER.empty(host)
    assert ZYPPER.empty(ManagerHost())
    assert ZYPPER.empty(ManagerHost(names=FULL)) == ""


def test_a_search_that_is_not_answered_proves_nothing() -> None:
    assert ZYPPER.look(ManagerHost(names=FULL), ("zlib-devel",))["zlib-devel"].unsure


def test_only_names_of_the_pattern_are_taken() -> None:
    xml = "".join(
        f'<solvable name="{name}" kind="package"/>\n'
        for name in ("clang17", "clang-doc", "clang17")
    )
    host = ManagerHost({shlex.join((*SEARCH, "clang*")): xml})
    assert ZYPPER.matching(host, "clang{}") == ("clang17",)


def test_what_it_would_upgrade_is_not_taken_for_added() -> None:
    line = "zypper --xmlout --no-refresh --non-interactive install --dry-run --no-recommends make"
    assert ZYPPER.intended(ManagerHost({line: SUMMARY}), INSTALL) == frozenset({"make.x86_64"})
    assert ZYPPER.intended(ManagerHost({line: (4, SUMMARY)}), INSTALL) is None
    assert ZYPPER.intended(ManagerHost(), INSTALL) is None


def test_what_is_installed_is_rpms_word() -> None:
    assert ZYPPER.everything(ManagerHost()) is None
