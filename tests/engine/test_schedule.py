"""Checks run in order, in parallel, within limits; none can take another down."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest

from bpfdoctor.api import Check, Context, Finding, Findings, Status, blocked, failed, passed
from bpfdoctor.engine.findings import Findings as Found
from bpfdoctor.engine.load import in_order, load_checks, refuse_unsound
from bpfdoctor.engine.schedule import Nobody, longest_first, run_checks, settle_skips
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.testing import FakeHost, project_named

CONTEXT = Context(FakeHost(), project_named())


def make(
    check_id: str,
    run: Callable[[Context], Findings] = lambda context: passed("fine"),
    requires: tuple[str, ...] = (),
    limit: float = 60,
) -> Check:
    return Check(check_id, check_id, run, requires, limit=limit)


def status(found: Found) -> dict[str, str]:
    return {finding.key: finding.status.value for finding in found}


def run(*checks: Check) -> Found:
    return run_checks(checks, CONTEXT, Nobody())


def fail(context: Context) -> Finding:
    return failed("broken")


def test_a_failure_skips_what_requires_it_and_names_the_root() -> None:
    found = run(
        make("a.third", requires=("a.second",)),
        make("a.second", requires=("a.first",)),
        make("a.first", fail),
    )
    assert status(found) == {"a.first": "fail", "a.second": "skip", "a.third": "skip"}
    assert found.by_key["a.third"].blocked_by == ("a.first",)


def test_what_does_not_apply_finds_nothing_whatever_became_of_what_it_requires() -> None:
    idle = Check("a.idle", "", fail, ("a.first",), applies=lambda project: False)
    found = run(make("a.first", fail), idle)
    assert status(found) == {"a.first": "fail"}
    assert "a.idle" in found.ran


def test_a_check_that_raises_is_one_error_and_the_others_run() -> None:
    def broken(context: Context) -> Finding:
        raise RuntimeError("oh no")

    found = run(make("a.broken", broken), make("a.fine"))
    assert status(found) == {"a.broken": "error", "a.fine": "pass"}
    assert "oh no" in found.by_key["a.broken"].evidence[0].text


@pytest.mark.parametrize("nonsense", ["text", 3, [passed("one"), None]])
def test_a_check_that_returns_nonsense_is_one_error(nonsense: object) -> None:
    found = run(make("a.odd", lambda context: nonsense))  # type: ignore[arg-type, return-value]
    assert status(found) == {"a.odd": "error"}


def test_two_findings_of_one_key_are_an_error() -> None:
    assert status(run(make("a.twice", lambda context: [passed("1"), passed("2")]))) == {
        "a.twice": "error"
    }


def test_a_check_that_hangs_is_given_up_and_the_others_run() -> None:
    never = threading.Event()

    def hang(context: Context) -> None:
        never.wait()

    found = run(make("a.hangs", hang, limit=0.05), make("a.fine"))
    never.set()
    assert status(found) == {"a.hangs": "error", "a.fine": "pass"}


def test_checks_that_do_not_require_each_other_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(context: Context) -> Finding:
        both.wait()
        return passed("met")

    assert set(status(run(make("a.left", meet), make("a.right", meet))).values()) == {"pass"}


def test_a_requirement_that_is_not_run_does_not_block() -> None:
    assert status(run(make("a.alone", requires=("b.absent",)))) == {"a.alone": "pass"}


def test_a_skip_that_blames_what_passed_is_an_error_of_its_check() -> None:
    found = run(make("a.fine"), make("a.liar", lambda context: blocked("no", by=("a.fine",))))
    assert status(settle_skips(found))["a.liar"] == "error"


def test_a_skip_that_blames_what_was_not_run_stays_a_skip() -> None:
    found = run(make("a.part", lambda context: blocked("no", by=("a.other[part]",))))
    settled = settle_skips(found)
    assert status(settled)["a.part"] == "skip"
    assert settled.by_key["a.part"].blocked_by == ("a.other[part]",)


def test_a_cycle_is_refused_by_name() -> None:
    with pytest.raises(BpfDoctorError, match=r"a\.one"):
        in_order([make("a.one", requires=("a.two",)), make("a.two", requires=("a.one",))])


def test_an_unknown_requirement_is_refused_when_checks_are_loaded() -> None:
    with pytest.raises(BpfDoctorError, match=r"a\.typo"):
        refuse_unsound([make("a.one", requires=("a.typo",))])


def test_our_own_checks_load_and_every_one_explains_itself() -> None:
    loaded = load_checks()
    assert loaded.broken == {}
    assert [check.id for check in loaded.checks if len(check.doc.strip()) < 80] == []


def test_what_the_longest_chain_waits_for_starts_first() -> None:
    chain = [make("c.three", requires=("c.two[part]",)), make("c.two", requires=("c.one",))]
    order = longest_first([make("a.alone"), *chain, make("c.one"), make("b.alone")])
    assert [check.id for check in order] == ["c.one", "c.two", "a.alone", "b.alone", "c.three"]


@pytest.mark.parametrize(
    ("cause", "effect"), [("fail", "skip"), ("unknown", "pass"), ("pass", "pass")]
)
def test_a_failure_that_explains_a_check_stops_it_and_silence_does_not(
    cause: str, effect: str
) -> None:
    def locked(context: Context) -> Finding:
        return Finding(Status(cause), "as it is")

    explained = Check("a.tracing", "tracing", lambda context: passed("fine"))
    explained = msgspec.structs.replace(explained, explained_by=("a.locked",))
    found = run(explained, make("a.locked", locked))
    assert status(found)["a.tracing"] == effect


@pytest.mark.parametrize(
    ("cause", "own", "effect"),
    [
        ("fail", "fail", "skip"),
        ("unknown", "unknown", "skip"),
        ("fail", "pass", "pass"),
        ("pass", "fail", "fail"),
    ],
)
def test_a_check_with_an_excuse_runs_and_only_what_is_wrong_is_put_down_to_it(
    cause: str, own: str, effect: str
) -> None:
    def found(status: str) -> Callable[[Context], Finding]:
        return lambda context: Finding(Status(status), "what it found", about="part")

    excused = msgspec.structs.replace(make("a.part", found(own)), excused_by=("a.whole",))
    findings = run(excused, make("a.whole", lambda context: Finding(Status(cause), "as it is")))
    finding = findings.by_key["a.part[part]"]
    assert (finding.status.value, finding.summary) == (effect, "what it found")
    assert finding.blocked_by == (("a.whole",) if effect == "skip" else ())
