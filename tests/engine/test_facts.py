"""Where the facts of a program's object come from: its own source here, before what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from compiled import compiled_text
from loud import require
from private_path import Bounded
from stuck import StuckHost

import bpfdoctor.engine.facts as engine_facts
import bpfdoctor.engine.smoke as phase
from bpfdoctor.api import (
    Check,
    Context,
    Finding,
    Instead,
    NoAnswer,
    Project,
    Selection,
    Stage,
    Status,
    Target,
    passed,
    unknown,
)
from bpfdoctor.engine.facts import asked_for, with_facts
from bpfdoctor.engine.load import Loaded
from bpfdoctor.engine.record_facts import facts_of
from bpfdoctor.engine.session import Options, examine
from bpfdoctor.engine.subject import HOME_PROJECT, choose_project
from bpfdoctor.host.architecture import machine_architecture, target_architecture
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Question
from bpfdoctor.host.tools.compile_source import CompileSource
from bpfdoctor.model import Report
from bpfdoctor.projects import recorded
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke.judge import CHECKS as SMOKE_CHECKS
from bpfdoctor.smoke.model import Observed, Outcome
from bpfdoctor.testing import one, run_check

VMLINUX_H = (
    "typedef unsigned long long u64;\n#define SEC(name) __attribute__((section(name), used))\n"
)
SOURCE = """\
#include "vmlinux.h"
static u64 (*const pid_tgid)(void) = (void *)14;
SEC("tp/sched/sched_process_exec")
int handle(void *context)
{
	return pid_tgid() == 1;
}
char LICENSE[] SEC("license") = "GPL";
"""
OTHER = SOURCE.replace("tp/sched/sched_process_exec", "kprobe/vfs_unlink").replace("handle", "mine")
BROKEN = SOURCE.replace("return", "return nowhere")
TYPES = f"vmlinux.h/include/{target_architecture(machine_architecture())}/vmlinux.h"
TRACEPOINT, KPROBE = (
    "kernel.targets[tp/sched/sched_process_exec]",
    "kernel.targets[kprobe/vfs_unlink]",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with two programs, of which all that is compiled for the kernel is there."""
    require("clang")
    recognise = kind_named(HOME_PROJECT).recognise
    assert recognise
    files = dict.fromkeys((f"examples/c/{name}" for name in recognise.files), "")
    files |= {"examples/c/Makefile": "APPS = minimal bootstrap\n# -idirafter\n", TYPES: VMLINUX_H}
    for name in ("minimal", "bootstrap"):
        files |= {f"examples/c/{name}.bpf.c": SOURCE, f"examples/c/{name}.c": "int loads;\n"}
    for name, text in files.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text)
    return tmp_path / "tree"


@pytest.fixture
def known(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is recorded of the kind are the facts of this checkout as it is made."""
    before = Machine()
    facts = facts_of(LiveHost(before), project_of(LiveHost(before), tree), "abc1234")
    before.close()
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / f"{HOME_PROJECT}.json").write_bytes(msgspec.json.encode(facts))
    monkeypatch.setattr(recorded, "PLACE", tmp_path / "facts")
    recorded.recorded_facts.cache_clear()
    yield
    recorded.recorded_facts.cache_clear()


def project_of(live: LiveHost, tree: Path) -> Project:
    return choose_project(live, Options(directory=str(tree), smoke=False))


def write(tree: Path, text: str, name: str = "minimal") -> None:
    (tree / f"examples/c/{name}.bpf.c").write_text(text)


def looked_into(live: LiveHost, tree: Path, name: str = "minimal") -> Project:
    return with_facts(live, project_of(live, tree), [name])


def judged(live: LiveHost, tree: Path, name: str = "minimal") -> JudgedObject:
    (found,) = looked_into(live, tree, name).judged
    assert found.program == name
    return found


def told(live: LiveHost, tree: Path, name: str = "minimal") -> Finding:
    """What is found of the object."""
    return one(run_check("object.file", live, looked_into(live, tree, name)))


def attach(found: JudgedObject) -> set[str]:
    return set(found.keys(Stage.ATTACH))


@pytest.fixture
def without_clang(tmp_path: Path) -> Iterator[LiveHost]:
    """This machine with no clang on PATH."""
    (tmp_path / "empty").mkdir()
    bare = Bounded(tmp_path / "empty")
    yield bare
    bare.machine.close()


@pytest.mark.usefixtures("known")
def test_what_the_own_source_compiles_to_goes_before_what_is_recorded(
    tree: Path, live: LiveHost
) -> None:
    write(tree, OTHER)
    found = judged(live, tree)
    assert (found.origin, found.said, found.doubt) == (
        "compiled",
        "compiled from minimal.bpf.c",
        "",
    )
    assert KPROBE in attach(found)
    assert TRACEPOINT not in attach(found)
    assert found.path
    assert "mine" in [each.name for each in found.parts]
    assert told(live, tree).status is Status.PASS


@pytest.mark.usefixtures("known")
def test_what_is_recorded_counts_where_the_same_source_lacks_its_headers(
    tree: Path, live: LiveHost
) -> None:
    (tree / TYPES).unlink()
    found = judged(live, tree)
    assert (found.origin, found.said, found.doubt) == ("recorded", "of commit abc1234", "")
    assert TRACEPOINT in attach(found)
    assert not found.keys(Stage.BUILD, maybe=True)
    assert told(live, tree).status is Status.PASS


@pytest.mark.usefixtures("known")
def test_what_is_recorded_of_another_source_leaves_unknown_with_the_reason(
    tree: Path, live: LiveHost
) -> None:
    (tree / TYPES).unlink()
    write(tree, f"{SOURCE}// changed\n")
    found = judged(live, tree)
    assert (found.origin, found.said) == ("recorded", "of commit abc1234, not of this tree")
    assert "minimal.bpf.c does not compile here: " in found.doubt
    assert "'vmlinux.h' file not found" in found.doubt
    said = told(live, tree)
    assert (said.status, said.about) == (Status.UNKNOWN, "minimal")
    assert found.doubt in said.summary


@pytest.mark.usefixtures("known")
def test_a_source_that_is_wrong_leaves_unknown_whether_make_builds_it(
    tree: Path, live: LiveHost
) -> None:
    write(tree, BROKEN)
    found = judged(live, tree)
    assert "undeclared identifier 'nowhere'" in found.doubt
    assert found.keys(Stage.BUILD, maybe=True) == ("object.file[minimal]",)
    assert told(live, tree).status is Status.UNKNOWN


@pytest.mark.usefixtures("known")
def test_a_program_that_is_not_recorded_is_unknown_where_it_does_not_compile(
    tree: Path, live: LiveHost
) -> None:
    (tree / "examples/c/Makefile").write_text("APPS = minimal mine\n# -idirafter\n")
    write(tree, BROKEN, "mine")
    found = judged(live, tree, "mine")
    assert (found.origin, found.facts, found.parts) == ("none", None, ())
    assert found.keys(Stage.LOAD)[0] == "object.file[mine]"
    said = told(live, tree, "mine")
    assert (said.status, said.about) == (Status.UNKNOWN, "mine")
    assert "mine.bpf.c does not compile here: " in said.summary


@pytest.mark.parametrize(
    ("called", "links"),
    [
        ("\t$(BPFTOOL) gen object $@ $<\n", True),
        ("", False),
    ],
)
def test_whether_the_makefile_links_decides_what_data_may_hold(
    tree: Path, live: LiveHost, called: str, links: bool
) -> None:
    text = f"APPS = minimal bootstrap\n# -idirafter\n%.bpf.o: %.tmp.bpf.o\n{called}"
    (tree / "examples/c/Makefile").write_text(text)
    write(tree, SOURCE.replace("return", "return first ? 1 :") + 'const char *first = "a";\n')
    write(tree, "extern const char *first;\n" + (tree / "examples/c/minimal.bpf.c").read_text())
    assert (told(live, tree).status is Status.FAIL) is links


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("source", "status", "said"),
    [(SOURCE, Status.PASS, "of commit abc1234: "), (OTHER, Status.UNKNOWN, "there is no clang")],
)
def test_without_clang_what_is_recorded_counts_for_the_same_source_alone(
    tree: Path, without_clang: LiveHost, source: str, status: Status, said: str
) -> None:
    write(tree, source)
    found = told(without_clang, tree)
    assert found.status is status
    assert said in found.summary


def test_without_a_checkout_what_is_recorded_is_all_that_there_is(live: LiveHost) -> None:
    kind = kind_named(HOME_PROJECT)
    project = Project(kind, "", ("minimal", "of_nobody"))
    first, second = with_facts(live, project, project.programs).judged
    assert (first.origin, first.doubt) == ("recorded", "")
    assert (second.origin, second.said) == ("none", "nothing is known of its object")


def test_what_is_linked_with_and_what_loads_it_is_read_beside_the_object(
    tree: Path, live: LiveHost
) -> None:
    loader = "int main(void) { bpf_program__set_autoload(skel->progs.handle, 0); }\n"
    (tree / "examples/c/minimal.c").write_text(loader)
    first, second = with_facts(live, project_of(live, tree), ["minimal", "bootstrap"]).judged
    assert (first.program, second.program) == ("minimal", "bootstrap")
    assert TRACEPOINT in first.keys(Stage.ATTACH, maybe=True)
    assert TRACEPOINT not in attach(first)
    assert TRACEPOINT in attach(second)


def test_what_is_not_answered_in_time_is_unknown_for_each_program(
    tree: Path, live: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_facts, "LIMIT", 0.05)
    host = StuckHost("AskDigest")
    found = with_facts(host, project_of(live, tree), ["minimal", "bootstrap"]).judged
    host.let_go.set()
    assert [each.program for each in found] == ["minimal", "bootstrap"]
    assert {each.origin for each in found} == {"none"}
    assert all(each.said.startswith("not found out: ") for each in found)


class Noting:
    """The live host, and the sources that it was asked to compile."""

    def __init__(self, host: LiveHost) -> None:
        self.host, self.compiled = host, set[str]()

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        if isinstance(question, CompileSource):
            self.compiled.add(Path(question.file).name.removesuffix(".bpf.c"))
        return self.host.ask(question)


CHECKS = tuple(
    Check(each, each, lambda context: passed("well"))
    for each in ("kernel.btf", "kernel.targets", "object.maps", "toolchain.clang")
)
BOTH = {"minimal", "bootstrap"}


@pytest.mark.parametrize(
    ("options", "compiled"),
    [
        ({}, BOTH),  # the default selection
        ({"targets": (Target("minimal"),)}, {"minimal"}),
        ({"targets": (Target("minimal", Stage.LOAD),)}, {"minimal"}),
        ({"targets": (Target("minimal", Stage.BUILD),)}, set()),
        ({"targets": (Target("minimal", Stage.BUILD), Target("bootstrap"))}, {"bootstrap"}),
        ({"targets": (Target("minimal"),), "table": True}, BOTH),
        ({"targets": (Target("minimal"),), "everything": True}, BOTH),
        ({"only": ("kernel.btf",)}, set()),
        ({"only": ("toolchain",)}, set()),
        ({"only": ("kernel.btf",), "table": True}, set()),
        ({"only": ("object.maps",)}, BOTH),
        ({"only": ("object",), "targets": (Target("minimal"),)}, {"minimal"}),
        ({"only": ("kernel.targets", "toolchain")}, BOTH),
        ({"skip": ("object",)}, BOTH),
    ],
)
def test_a_source_is_compiled_where_something_asked_for_rests_on_it(
    tree: Path, live: LiveHost, options: dict[str, object], compiled: set[str]
) -> None:
    plain = Options(directory=str(tree), smoke=False)
    noting = Noting(live)
    examine(noting, msgspec.structs.replace(plain, **options), checks=Loaded(CHECKS, {}))
    assert noting.compiled == compiled


def test_of_an_object_that_was_given_nothing_is_asked_for_anew(live: LiveHost, tree: Path) -> None:
    given = msgspec.structs.replace(project_of(live, tree), object="some.bpf.o")
    assert with_facts(live, given, ["minimal"]) is given
    everything = Options(everything=True)
    assert asked_for(given, Selection(), everything) == given.programs


MAP = """
struct { int (*type)[2]; int (*max_entries)[4]; int *key; int *value; } counts SEC(".maps");
static void *(*const lookup)(void *, const void *) = (void *)1;
SEC("tp/sched/sched_process_exec") int handle(void *context)
{
	int key = 0;
	return lookup(&counts, &key) != 0;
}
char LICENSE[] SEC("license") = "GPL";
"""
SIZED = {"map": VMLINUX_H + MAP, "larger": VMLINUX_H + MAP.replace("[4]", "[8]")}
ALONE = SOURCE.replace('#include "vmlinux.h"', VMLINUX_H)


def smoked(
    live: LiveHost,
    tree: Path,
    patch: pytest.MonkeyPatch,
    built: str,
    instead: Instead | None = None,
) -> Report:
    """The report where a build made that object, and the program was seen to fire."""

    def run(context: Context, target: Target, _: Instead | None) -> Observed:
        outcomes = tuple(Outcome(stage, True, "seen") for stage in Stage)
        return Observed(target.program, outcomes, instead, built)

    patch.setattr(phase, "_run", run)
    options = Options(directory=str(tree), targets=(Target("minimal"),))
    return examine(live, options, checks=Loaded((*CHECKS, *SMOKE_CHECKS[1:]), {}))


def predictions(report: Report) -> list[str]:
    return [each.summary for each in report.findings if each.key == "smoke.prediction[minimal]"]


@pytest.mark.parametrize(
    ("source", "built", "differs"),
    [
        (SOURCE, ALONE, ""),
        (SOURCE, ALONE.replace("handle", "renamed"), "it has renamed"),
        (SOURCE, ALONE.replace("= (void *)14", "= (void *)5"), "helpers, numbers of handle"),
        (SIZED["map"], SIZED["map"], ""),
        (SIZED["map"], SIZED["larger"], "its maps, or what it takes from the kernel"),
    ],
)
def test_another_object_than_was_judged_is_told_in_what_it_differs(  # noqa: PLR0917
    tree: Path,
    live: LiveHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    built: str,
    differs: str,
) -> None:
    write(tree, source)
    report = smoked(live, tree, monkeypatch, compiled_text(tmp_path, "built", built))
    found = predictions(report)
    assert bool(found) is bool(differs)
    assert all(f"the one that was judged: {differs}; " in each for each in found)
    (row,) = (each for each in report.programs if each.name == "minimal")
    assert row.origin == "from the object built"


def test_what_another_command_built_is_not_held_to_what_was_judged(
    tree: Path, live: LiveHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = compiled_text(tmp_path, "built", ALONE.replace("handle", "renamed"))
    report = smoked(live, tree, monkeypatch, path, Instead())
    assert predictions(report) == []
    (row,) = (each for each in report.programs if each.name == "minimal")
    assert row.origin == "compiled from minimal.bpf.c"


def test_a_build_that_fails_is_not_excused_by_a_source_that_did_not_compile(
    tree: Path, live: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(context: Context, target: Target, _: Instead | None) -> Observed:
        return Observed(target.program, (Outcome(Stage.BUILD, False, "make says no"),))

    monkeypatch.setattr(phase, "_run", run)
    write(tree, BROKEN)
    untold = Check("object.file", "of objects", lambda _: unknown("no", about="minimal"))
    checks = Loaded((*CHECKS, untold, *SMOKE_CHECKS[1:]), {})
    options = Options(directory=str(tree), targets=(Target("minimal"),))
    report = examine(live, options, checks=checks)
    found = {each.key: (each.status, each.blocked_by) for each in report.findings}
    assert found["smoke.program[minimal]"] == (Status.FAIL, ())
    assert report.verdict.exit == 1


@pytest.mark.parametrize("built", ["", "/nowhere/minimal.bpf.o"])
def test_an_object_that_a_build_did_not_leave_says_nothing(
    tree: Path, live: LiveHost, monkeypatch: pytest.MonkeyPatch, built: str
) -> None:
    report = smoked(live, tree, monkeypatch, built)
    assert predictions(report) == []
