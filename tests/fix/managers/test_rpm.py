"""What rpm knows, and the table that dnf and yum show before they ask."""

from __future__ import annotations

import shlex

from manager_says import ManagerHost, Said

from bpfdoctor.fix.managers import rpm

PROVIDES = ("rpm", "-q", "--qf", "%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n", "--whatprovides")
ALL = shlex.join(("rpm", "-qa", "--qf", "%{NAME}.%{ARCH}\n"))
TABLE = """\
Dependencies resolved.
================================================================================
 Package            Architecture   Version              Repository         Size
================================================================================
Installing:
 clang              x86_64         19.1.0-1             baseos             10 M
Upgrading:
 glibc              x86_64         2.40-1               baseos            2.1 M
Installing dependencies:
 llvm-libs          noarch         19.1.0-1             appstream         7.8 k
Installing weak dependencies:
 extra_x            i686           1-1                  appstream          12 M

Transaction Summary
================================================================================
Install  3 Packages
"""


def test_a_name_is_installed_where_a_package_provides_it() -> None:
    said: dict[str, Said] = {
        shlex.join((*PROVIDES, "zlib-devel")): "0:2.1-1\n0:9-9\n",
        shlex.join((*PROVIDES, "make")): (1, "no package provides make\n"),
    }
    found = rpm.installed(ManagerHost(said), ("zlib-devel", "make", "unasked"))
    assert found == {"zlib-devel": "0:2.1-1"}


def test_a_key_is_no_package() -> None:
    said = "bash.x86_64\ngpg-pubkey.(none)\n"
    assert rpm.everything(ManagerHost({ALL: said})) == frozenset({"bash.x86_64"})
    assert rpm.everything(ManagerHost({ALL: (1, said)})) is None
    assert rpm.everything(ManagerHost()) is None


def test_what_is_upgraded_is_not_taken_for_added() -> None:
    assert rpm.transaction(TABLE) == frozenset({"clang.x86_64", "llvm-libs.noarch", "extra_x.i686"})
    assert rpm.transaction("Nothing to do.\n") is None
    assert rpm.transaction("") is None
