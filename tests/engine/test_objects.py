"""Several objects in one report: what is said of each is that of a run on it alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from compiled import compiled
from loud import require

from bpfdoctor.api import Check, Context, Finding, Stage, Status, blocked, check, failed, passed
from bpfdoctor.engine.load import Loaded, load_checks
from bpfdoctor.engine.merge import Part, merged
from bpfdoctor.engine.object_file import project_in
from bpfdoctor.engine.options import ObjectTarget, Options
from bpfdoctor.engine.session import examine
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.record import RecordedHost, RecordingHost, read_snapshot
from bpfdoctor.host.routed import Routed
from bpfdoctor.model import Readiness, Report, Subject

HOSTS = sorted(
    path
    for path in (Path(__file__).parents[1] / "hosts").glob("*.json")
    if path.name != "seen.json"
)
NAMES = ("map_hash", "map_array", "map_queue_with_key", "guards", "licence_nothing")
"""The first two load and attach, the third makes a map that no kernel makes."""
READY = Readiness.READY


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    require("clang", "make")
    paths = compiled(tmp_path_factory.mktemp("objects"), *NAMES)
    return dict(zip(NAMES, paths, strict=True))


def options(*paths: str, **more: object) -> Options:
    plain = Options(objects=tuple(map(ObjectTarget, paths)))
    return msgspec.structs.replace(plain, **more)


def rows(report: Report) -> dict[str, dict[Stage, Readiness]]:
    return {row.name: {s: r.readiness for s, r in row.stages.items()} for row in report.programs}


def keys(report: Report, *, of_objects: bool) -> list[str]:
    return [each.key for each in report.findings if (each.id[:7] == "object.") is of_objects]


def test_one_object_is_reported_by_the_plain_names_of_its_programs(
    built: dict[str, str], live: LiveHost
) -> None:
    report = examine(live, options(built["map_hash"]))
    assert list(rows(report)) == ["with_map"]
    assert "object.helpers[with_map]" in keys(report, of_objects=True)
    assert "object.maps[map]" in keys(report, of_objects=True)
    assert report.verdict.subject is Subject.OBJECT


def test_each_of_several_fares_as_it_does_alone(built: dict[str, str], live: LiveHost) -> None:
    together = examine(live, options(*built.values()))
    for name, path in built.items():
        alone = examine(live, options(path))
        own = {key: row for key, row in rows(together).items() if key.startswith(f"{name}.bpf.o/")}
        assert own == {f"{name}.bpf.o/{key}": row for key, row in rows(alone).items()}


def test_what_is_the_kernels_is_said_once_and_what_is_an_objects_by_its_name(
    built: dict[str, str], live: LiveHost
) -> None:
    report = examine(live, options(*built.values()))
    kernels = keys(report, of_objects=False)
    assert len(kernels) == len(set(kernels))
    assert not [key for key in kernels if ".bpf.o" in key]
    assert all(".bpf.o" in key for key in keys(report, of_objects=True))
    assert {"object.maps[map_hash.bpf.o/map]", "object.helpers[map_hash.bpf.o/with_map]"} <= set(
        keys(report, of_objects=True)
    )


def test_every_cause_is_a_finding_of_the_same_report(built: dict[str, str], live: LiveHost) -> None:
    report = examine(live, options(*built.values()))
    known = {each.key for each in report.findings}
    because = {k for row in report.programs for each in row.stages.values() for k in each.because}
    assert because <= known
    assert {key for each in report.findings for key in each.blocked_by} <= known
    assert "object.maps[map_queue_with_key.bpf.o/map]" in because


@pytest.mark.bpf
def test_there_is_one_verdict_over_all(built: dict[str, str], live: LiveHost) -> None:
    require("root")
    good = [built["map_hash"], built["map_array"]]
    report = examine(live, options(*good))
    assert (report.verdict.exit, report.verdict.readiness) == (0, READY)
    report = examine(live, options(*good, built["map_queue_with_key"]))
    assert report.verdict.exit == 1
    assert "object.maps[map_queue_with_key.bpf.o/map]" in report.verdict.summary
    needed = {each.key for each in report.findings if each.needed}
    assert {f"object.maps[{name}.bpf.o/map]" for name in ("map_hash", "map_array")} <= needed


@pytest.mark.bpf
def test_an_object_of_which_no_program_is_asked_for_does_not_count(
    built: dict[str, str], live: LiveHost
) -> None:
    require("root")
    both = (built["map_hash"], built["map_queue_with_key"])
    report = examine(live, options(*both, within=("map_hash.bpf.o/with_map",)))
    assert (report.verdict.exit, list(rows(report))) == (0, ["with_map"])
    assert report.selection.explicit


def test_nothing_is_ready_beyond_what_was_examined(built: dict[str, str], live: LiveHost) -> None:
    report = examine(live, options(*built.values()))
    assert not [name for name, row in rows(report).items() if row[Stage.FIRES] is READY]
    target = ObjectTarget(built["map_hash"], Stage.FIRES)
    assert examine(live, Options(objects=(target,))).verdict.exit in (1, 3)


def test_an_object_is_not_run(built: dict[str, str], live: LiveHost) -> None:
    for paths in ([built["map_hash"]], [built["map_hash"], built["map_array"]]):
        report = examine(live, options(*paths))
        assert report.smoke == "none"
        assert not [each.key for each in report.findings if each.id.startswith("smoke.")]
        assert examine(live, options(*paths, smoke=False)).smoke == "left-out"


def test_chosen_checks_alone_decide_where_checks_are_chosen(
    built: dict[str, str], live: LiveHost
) -> None:
    paths = (built["map_hash"], built["map_queue_with_key"])
    report = examine(live, options(*paths, only=("object.file",)))
    assert (report.verdict.exit, report.verdict.readiness, report.programs) == (0, None, ())
    assert [each.key for each in report.findings if each.needed] == [
        "object.file[map_hash.bpf.o]",
        "object.file[map_queue_with_key.bpf.o]",
    ]


def test_what_is_needed_for_one_of_them_is_needed(built: dict[str, str], live: LiveHost) -> None:
    project = project_in(live, built["map_hash"])
    report = examine(live, options(built["map_hash"]))
    quiet = [msgspec.structs.replace(each, needed=False) for each in report.findings]
    idle = msgspec.structs.replace(report, findings=tuple(quiet))
    both = [Part("idle.o", project, idle), Part("own.o", project, report)]
    for parts in (both, both[::-1]):
        needed = {each.key for each in merged(parts, Options()).findings if each.needed}
        assert "kernel.bpf-syscall" in needed
        assert "object.maps[own.o/map]" in needed
        assert "object.maps[idle.o/map]" not in needed


def with_checks(*more: Check) -> Loaded:
    return Loaded((*load_checks().checks, *more), {})


def test_what_a_check_says_differently_of_each_object_is_told_apart(
    built: dict[str, str], live: LiveHost
) -> None:
    @check("x.same", title="the same of each", gates=True)
    def same(context: Context) -> Finding:
        return passed("the same")

    @check("x.differs", title="not the same", gates=True)
    def differs(context: Context) -> Finding:
        hash_map = "map_hash" in context.project.object
        return passed("fine") if hash_map else failed("broken")

    @check("x.behind", title="behind it", gates=True)
    def behind(context: Context) -> Finding:
        return blocked("behind", by=["x.differs"]) if "array" in context.project.object else same_

    same_ = passed("well")
    paths = (built["map_hash"], built["map_array"])
    report = examine(live, options(*paths), checks=with_checks(same, differs, behind))
    found = {each.key: each for each in report.findings if each.id.startswith("x.")}
    assert found["x.same"].status is Status.PASS
    assert found["x.differs[map_hash.bpf.o]"].status is Status.PASS
    assert found["x.differs[map_array.bpf.o]"].status is Status.FAIL
    assert found["x.behind[map_array.bpf.o]"].blocked_by == ("x.differs[map_array.bpf.o]",)
    assert report.verdict.exit == 1


def test_a_check_of_somebody_elses_that_names_programs_names_whose_they_are(
    built: dict[str, str], live: LiveHost
) -> None:
    @check("x.each", title="each program", gates=True)
    def each_program(context: Context) -> list[Finding]:
        return [passed("fine", about=name) for name in context.project.programs]

    paths = (built["map_hash"], built["map_array"])
    report = examine(live, options(*paths), checks=with_checks(each_program))
    found = [each.about for each in report.findings if each.id == "x.each"]
    assert found == ["map_array.bpf.o/with_map", "map_hash.bpf.o/with_map"]


def test_a_program_that_is_called_like_a_type_of_programs_is_not_taken_for_it(
    built: dict[str, str], live: LiveHost
) -> None:
    report = examine(live, options(built["licence_nothing"], built["map_hash"]))
    types = [each.about for each in report.findings if each.id == "kernel.program-types"]
    assert "tracepoint" in types
    assert not [about for about in types if "/" in about]


def test_a_recorded_run_on_several_is_judged_as_it_was(
    built: dict[str, str], live: LiveHost, tmp_path: Path
) -> None:
    from bpfdoctor.cli.examine import snapshot_of
    from bpfdoctor.host.redact import Redactor

    asked = options(*built.values())
    recording = RecordingHost(live)
    before = examine(recording, asked)
    place = tmp_path / "here.snapshot"
    snapshot_of(before, asked, recording).write(place, Redactor())
    snapshot = read_snapshot(place)
    after = examine(RecordedHost(snapshot), msgspec.convert(snapshot.options, Options))
    assert rows(after) == rows(before)
    assert after.verdict == before.verdict
    assert [each.key for each in after.findings] == [each.key for each in before.findings]


@pytest.mark.parametrize("path", HOSTS, ids=lambda each: each.stem)
def test_on_a_recorded_machine_nothing_is_ready_that_was_not_asked_there(
    path: Path, built: dict[str, str], live: LiveHost
) -> None:
    host = on_recorded(path, live, *built.values())
    report = examine(host, options(*built.values()))
    assert not [each.key for each in report.findings if each.status is Status.ERROR]
    assert report.verdict.exit in (1, 3)
    for row in report.programs:
        assert row.stages[Stage.LOAD].readiness is not READY
        assert row.stages[Stage.ATTACH].readiness is not READY


def on_recorded(path: Path, live: LiveHost, *objects: str) -> Routed:
    recorded = RecordedHost(read_snapshot(path))
    return Routed(tree=live, kernel=recorded, machine=recorded, files=objects)


def there(name: str, live: LiveHost, built: dict[str, str], *objects: str) -> Report:
    (path,) = (each for each in HOSTS if each.stem == name)
    paths = [built[each] for each in objects]
    host = on_recorded(path, live, *paths)
    return examine(host, options(*paths))


def test_what_a_recorded_kernel_refuses_is_not_ready_there(
    built: dict[str, str], live: LiveHost
) -> None:
    report = there("debian-6.1-no-btf", live, built, "guards")
    (row,) = (each for each in report.programs if each.name == "uses_field")
    assert row.stages[Stage.LOAD].because == ("kernel.btf",)
    assert report.verdict.exit == 1


def test_relocations_are_unknown_where_the_kernels_btf_is_not(
    built: dict[str, str], live: LiveHost
) -> None:
    report = there("debian-6.1-base", live, built, "guards")
    (found,) = (each for each in report.findings if each.key == "object.relocations[uses_field]")
    assert (found.status, found.needed) == (Status.UNKNOWN, True)
    assert "which a snapshot does not hold" in found.summary
    assert "--record" in str(found.fixes)


def test_a_machine_is_recorded_anew_with_the_object(built: dict[str, str], live: LiveHost) -> None:
    report = there("debian-6.1-base", live, built, "map_hash")
    (found,) = (each for each in report.findings if each.key == "object.maps[map]")
    assert found.status is Status.UNKNOWN
    assert "check --object FILE --record" in str(found.fixes)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "not ELF"), ("\x7fELF", "not ELF"), (None, "there is no file")],
)
def test_one_that_is_no_object_stops_them_all(
    text: str | None, said: str, built: dict[str, str], live: LiveHost, tmp_path: Path
) -> None:
    path = tmp_path / "bad.bpf.o"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BpfDoctorError, match=said) as caught:
        examine(live, options(built["map_hash"], str(path)))
    assert "bad.bpf.o" in caught.value.message
