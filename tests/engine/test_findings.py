"""Findings by key, and the roots that stand in the way of what needs them."""

from __future__ import annotations

import msgspec
import pytest
from sample_project import finding

from bpfdoctor.api import ByHand, Finding, Instead, Status
from bpfdoctor.engine.findings import Findings


def findings(*found: Finding) -> Findings:
    made = Findings()
    for each in found:
        made.add(each)
    return made


def skip(key: str, *by: str) -> Finding:
    return finding(key, Status.SKIP, *by)


@pytest.mark.parametrize(
    ("need", "expected"),
    [
        ("a.b", ["a.b", "a.b[x]", "a.b[y]"]),
        ("a.b[x]", ["a.b", "a.b[x]"]),
        ("a.b[z]", ["a.b"]),
        ("a", []),
        ("a.bc", []),
    ],
)
def test_a_need_names_a_finding_or_all_of_a_check_and_always_what_it_said_of_itself(
    need: str, expected: list[str]
) -> None:
    keys = ("a.b", "a.b[x]", "a.b[y]", "a.c", "a.c[x]")
    found = findings(*(finding(key, Status.PASS) for key in keys))
    assert [each.key for each in found.matching(need)] == expected


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.SKIP])
def test_only_what_passes_or_warns_is_no_root(status: Status) -> None:
    roots = findings(finding("a.b", status)).roots(["a.b"])
    assert roots == (() if status in (Status.PASS, Status.WARN) else ("a.b",))


@pytest.mark.parametrize(
    ("found", "roots"),
    [
        ([skip("a.top", "a.mid"), skip("a.mid", "a.root"), finding("a.root", Status.FAIL)], "root"),
        ([skip("a.top", "a.mid"), skip("a.mid", "a.root"), finding("a.root", Status.WARN)], ""),
        ([skip("a.top", "a.mid"), skip("a.mid", "a.absent")], "absent"),
        ([skip("a.top", "a.fine"), finding("a.fine", Status.PASS)], ""),
        (
            [
                skip("a.top", "a.fine", "a.absent", "a.one", "a.two"),
                finding("a.fine", Status.PASS),
                finding("a.one", Status.FAIL),
                finding("a.two", Status.UNKNOWN),
            ],
            "absent one two",
        ),
        (
            [
                skip("a.top", "a.left", "a.right"),
                skip("a.left", "a.root"),
                skip("a.right", "a.root"),
            ],
            "root",
        ),
        ([finding("a.top", Status.SKIP)], "top"),
    ],
)
def test_the_roots_of_a_skip_are_whatever_at_last_stands_in_the_way(
    found: list[Finding], roots: str
) -> None:
    assert findings(*found).roots(["a.top"]) == tuple(f"a.{name}" for name in roots.split())


def test_a_chain_of_skips_is_followed_to_its_very_end() -> None:
    chain = [skip(f"a.n{number}", f"a.n{number + 1}") for number in range(5)]
    assert findings(*chain, finding("a.n5", Status.FAIL)).roots(["a.n0"]) == ("a.n5",)


def test_skips_that_blame_each_other_come_to_an_end() -> None:
    found = findings(skip("a.one", "a.two"), skip("a.two", "a.one"))
    assert found.roots(["a.one"]) in (("a.one",), ("a.two",))


def test_roots_of_several_needs_are_named_once_in_their_order() -> None:
    found = findings(
        finding("a.one", Status.FAIL), skip("a.two", "a.one"), finding("a.three", Status.ERROR)
    )
    assert found.roots(["a.three", "a.two", "a.one"]) == ("a.three", "a.one")


@pytest.mark.parametrize("status", list(Status))
def test_only_a_finding_of_that_very_key_has_failed(status: Status) -> None:
    found = findings(finding("a.b[x]", status))
    assert found.failed("a.b[x]") is (status is Status.FAIL)
    assert not found.failed("a.b")


def test_a_later_finding_of_the_same_key_replaces_the_earlier() -> None:
    found = findings(finding("a.b", Status.FAIL), finding("a.b", Status.PASS))
    assert [each.status for each in found] == [Status.PASS]


CLANG, CPATH = Instead(arguments=("CLANG=clang-15",)), Instead(without=("CPATH",))


def with_way(key: str, status: Status, way: Instead | None) -> Finding:
    fixes = (ByHand("by hand"), ByHand("so", instead=way)) if way else (ByHand("by hand"),)
    return msgspec.structs.replace(finding(key, status), fixes=fixes)


@pytest.mark.parametrize(
    ("status", "way", "blocks"),
    [
        (Status.FAIL, None, True),
        (Status.FAIL, CLANG, False),
        (Status.UNKNOWN, CLANG, True),
        (Status.ERROR, CLANG, True),
        (Status.PASS, None, False),
    ],
)
def test_what_another_command_goes_round_blocks_nothing_and_is_a_root_still(
    status: Status, way: Instead | None, blocks: bool
) -> None:
    found = findings(with_way("a.b", status, way))
    assert found.blocking(["a.b"]) == (("a.b",) if blocks else ())
    assert found.roots(["a.b"]) == (() if status is Status.PASS else ("a.b",))


def test_one_command_goes_round_all_faults_or_none() -> None:
    found = findings(
        with_way("a.one", Status.FAIL, CLANG),
        with_way("a.two", Status.FAIL, CPATH),
        with_way("a.three", Status.FAIL, None),
    )
    both = Instead(arguments=("CLANG=clang-15",), without=("CPATH",))
    assert found.instead(["a.one", "a.two"]) == both
    assert both.command("minimal") == "env -u CPATH make CLANG=clang-15 minimal"
    assert found.instead(["a.one", "a.two", "a.three"]) is None
    assert found.instead(["a.one", "a.absent"]) is None
    assert found.instead([]) is None
