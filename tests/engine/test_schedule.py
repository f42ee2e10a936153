"""Checks run in order, in parallel, within limits; none can take another down."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest

from bpfdoctor.api import (
    Check,
    Context,
    Evidence,
    Finding,
    Findings,
    Status,
    blocked,
    failed,
    passed,
)
from bpfdoctor.engine.findings import Findings as Found
from bpfdoctor.engine.schedule import WORKERS, Nobody, longest_first, run_checks, settle_skips
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
    assert "a.first" in found.by_key["a.third"].summary


@pytest.mark.parametrize(("applies", "expected"), [("embedded", {}), ("", {"a.idle": "skip"})])
def test_what_does_not_apply_finds_nothing_whatever_became_of_what_it_requires(
    applies: str, expected: dict[str, str]
) -> None:
    idle = Check("a.idle", "", fail, ("a.first",), applies=lambda each: applies in each.name)
    found = run(make("a.first", fail), idle)
    assert status(found) == {"a.first": "fail", **expected}
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
    daemons: list[bool] = []

    def hang(context: Context) -> None:
        daemons.append(threading.current_thread().daemon)
        never.wait()

    found = run(make("a.hangs", hang, limit=0.05), make("a.fine"))
    never.set()
    assert status(found) == {"a.hangs": "error", "a.fine": "pass"}
    assert "time limit" in found.by_key["a.hangs"].summary
    assert daemons == [True], "the interpreter would wait for it at its end"


def test_as_many_checks_run_at_a_time_as_there_are_workers_and_no_more() -> None:
    class Counter(Nobody):
        open = most = 0

        def started(self, check_id: str) -> None:
            self.open += 1
            self.most = max(self.most, self.open)

        def finished(self, finding: Finding) -> None:
            self.open -= 1

    counter = Counter()
    run_checks([make(f"a.n{number}") for number in range(2 * WORKERS)], CONTEXT, counter)
    assert (counter.most, counter.open) == (WORKERS, 0)


def test_whoever_watches_is_told_what_begins_and_every_finding() -> None:
    class Watcher(Nobody):
        told: list[str] = []  # noqa: RUF012

        def started(self, check_id: str) -> None:
            self.told.append(check_id)

        def finished(self, finding: Finding) -> None:
            self.told.append(f"{finding.key} {finding.status.value}")

    watcher = Watcher()
    checks = [make("a.second", requires=("a.first",)), make("a.first", fail)]
    run_checks(checks, CONTEXT, watcher)
    assert watcher.told == ["a.first", "a.first fail", "a.second skip"]


def test_checks_that_do_not_require_each_other_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(context: Context) -> Finding:
        both.wait()
        return passed("met")

    assert set(status(run(make("a.left", meet), make("a.right", meet))).values()) == {"pass"}


def test_a_requirement_that_is_not_run_does_not_block() -> None:
    assert status(run(make("a.alone", requires=("b.absent",)))) == {"a.alone": "pass"}


def test_a_skip_that_blames_what_passed_is_an_error_of_its_check() -> None:
    by = ("a.fine", "a.good")
    found = run(make("a.fine"), make("a.good"), make("a.liar", lambda context: blocked("no", by)))
    settled = settle_skips(found)
    liar = settled.by_key["a.liar"]
    assert (liar.status, liar.blocked_by) == (Status.ERROR, ())
    assert "a.fine, a.good" in liar.summary
    assert settled.ran == found.ran


def test_a_skip_is_settled_to_the_roots_behind_what_it_blames() -> None:
    found = run(
        make("a.root", fail),
        make("a.mid", requires=("a.root",)),
        make("a.part", lambda context: blocked("no", by=("a.mid", "a.fine"))),
        make("a.fine"),
    )
    part = settle_skips(found).by_key["a.part"]
    assert (part.status, part.summary, part.blocked_by) == (Status.SKIP, "no", ("a.root",))


def test_a_skip_that_blames_what_was_not_run_stays_a_skip() -> None:
    found = run(make("a.part", lambda context: blocked("no", by=("a.other[part]",))))
    settled = settle_skips(found)
    assert status(settled)["a.part"] == "skip"
    assert settled.by_key["a.part"].blocked_by == ("a.other[part]",)


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
        ("fail", "unknown", "skip"),
        ("fail", "pass", "pass"),
        ("fail", "warn", "warn"),
        ("fail", "error", "error"),
        ("unknown", "fail", "skip"),
        ("pass", "fail", "fail"),
        ("warn", "fail", "fail"),
    ],
)
def test_a_check_with_an_excuse_runs_and_only_what_is_wrong_is_put_down_to_it(
    cause: str, own: str, effect: str
) -> None:
    seen = (Evidence("/proc/x", "what it saw"),)

    def found(context: Context) -> Finding:
        return Finding(Status(own), "what it found", about="part", evidence=seen)

    excused = msgspec.structs.replace(make("a.part", found), excused_by=("a.whole",))
    findings = run(excused, make("a.whole", lambda context: Finding(Status(cause), "as it is")))
    finding = findings.by_key["a.part[part]"]
    assert (finding.status.value, finding.summary) == (effect, "what it found")
    assert finding.blocked_by == (("a.whole",) if effect == "skip" else ())
    assert finding.evidence == seen


def test_a_check_with_an_excuse_keeps_what_it_blames_itself() -> None:
    own = make("a.part", lambda context: blocked("no", by=("a.other",)))
    excused = msgspec.structs.replace(own, excused_by=("a.whole",))
    found = run(excused, make("a.whole", fail), make("a.other", fail))
    assert found.by_key["a.part"].blocked_by == ("a.other",)


def test_a_stop_while_a_thread_is_started_leaves_none_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def stopped(thread: threading.Thread) -> None:
        start(thread)
        started.append(thread)
        if len(started) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", stopped)
    checks = [Check(f"a.{name}", name, lambda context: passed("so")) for name in ("one", "two")]
    context = Context(FakeHost(), project_named())
    with pytest.raises(KeyboardInterrupt):
        run_checks(checks, context, Nobody())
    for thread in started:
        thread.join(10)
    assert [thread for thread in started if thread.is_alive()] == []
