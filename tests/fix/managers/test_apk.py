"""apk, by what it prints (apk-tools 2.14)."""

from __future__ import annotations

from manager_says import ManagerHost, Said

from bpfdoctor.fix.managers.apk import Apk, policies
from bpfdoctor.fix.managers.base import Package

APK = Apk()
POLICY = """\
make policy:
  4.4.1-r2:
    https://dl-cdn.alpinelinux.org/alpine/v3.22/main
  4.3-r0:
    lib/apk/db/installed
bpftool policy:
"""


def test_the_first_version_below_a_name_is_the_one_to_be_had() -> None:
    assert policies(POLICY) == {"make": "4.4.1-r2"}


def test_what_is_installed_is_asked_for_each_name() -> None:
    says: dict[str, Said] = {
        "apk --no-network policy make bpftool": POLICY,
        "apk --no-network info -e make": "make\n",
        "apk --no-network info -e bpftool": (1, ""),
    }
    assert APK.look(ManagerHost(says), ("make", "bpftool")) == {
        "make": Package("installed", "4.4.1-r2"),
        "bpftool": Package(),
    }
    assert APK.look(ManagerHost(), ("make",)) == {"make": Package()}


def test_a_name_that_is_answered_with_nothing_or_in_vain_is_not_installed() -> None:
    for said in ((0, "\n"), (1, "make\n")):
        host = ManagerHost({"apk --no-network info -e make": said})
        assert APK.look(host, ("make",)) == {"make": Package()}


def test_only_names_of_the_pattern_are_taken() -> None:
    host = ManagerHost({"apk --no-network search -x -q 'clang[0-9]*'": "clang17\nclang17-dev\n"})
    assert APK.matching(host, "clang{}") == ("clang17",)


def test_an_index_that_does_not_know_musl_is_none() -> None:
    line = "apk --no-network search -x -q musl"
    assert APK.empty(ManagerHost({line: "musl\n"})) == ""
    assert APK.empty(ManagerHost({line: "\n"}))
    assert APK.empty(ManagerHost())


def test_what_is_there_and_what_will_come() -> None:
    line = "apk --no-network --simulate add zlib-dev"
    text = "(1/2) Installing zlib (1.3.1-r2)\n(2/2) Installing zlib-dev (1.3.1-r2)\nOK: 9 MiB\n"
    host = ManagerHost(
        {"apk --no-network info -q": "musl\nmake\n", line: f"{text}(1/1) Upgrading x (1)\n"}
    )
    assert APK.everything(host) == frozenset({"musl", "make"})
    assert APK.intended(host, ("apk", "add", "zlib-dev")) == frozenset({"zlib", "zlib-dev"})
    assert APK.everything(ManagerHost({"apk --no-network info -q": (1, "musl\n")})) is None
    assert APK.intended(ManagerHost({line: (1, text)}), ("apk", "add", "zlib-dev")) is None
