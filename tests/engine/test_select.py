"""What a run is about: the project, its programs and stages, and the checks that they take."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sample_project import KIND, PROGRAM, PROJECT

from bpfdoctor.api import (
    AskIdentity,
    Check,
    Identity,
    NoAnswer,
    Project,
    Selection,
    Stage,
    Target,
)
from bpfdoctor.engine.load import check_of, load_checks
from bpfdoctor.engine.options import Options, parse_target
from bpfdoctor.engine.select import choose_checks, choose_selection, expand
from bpfdoctor.engine.session import all_checks
from bpfdoctor.engine.subject import HOME_PROJECT, choose_project
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.elf.ask_object import AskBpfObject, ReadObject
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.system.facts import INITIAL_PID_NAMESPACE
from bpfdoctor.model import Subject
from bpfdoctor.projects.model import Tree
from bpfdoctor.projects.reader import kind_named, kinds
from bpfdoctor.testing import FakeHost, project_named

CONTAINED = 4026532000


def host(pid_namespace: int = INITIAL_PID_NAMESPACE) -> FakeHost:
    identity = Identity(0, 0, 0, 0, 0xEFFFFFFD, pid_namespace, (0, 0))
    return FakeHost({AskIdentity(): identity})


def programs(selection: Selection) -> list[str]:
    return [target.program for target in selection.targets]


@pytest.mark.parametrize("stage", list(Stage))
def test_a_target_is_a_program_and_the_last_stage_that_matters(stage: Stage) -> None:
    assert parse_target(f"bootstrap:{stage.value}") == Target("bootstrap", stage)


def test_a_target_without_a_stage_is_all_of_the_program() -> None:
    assert parse_target("bootstrap") == Target("bootstrap", Stage.FIRES)


@pytest.mark.parametrize(("text", "stage"), [("minimal:run", "run"), ("minimal:", "")])
def test_an_unknown_stage_is_refused_with_the_known_ones(text: str, stage: str) -> None:
    with pytest.raises(BpfDoctorError, match=f"stage '{stage}'") as caught:
        parse_target(text)
    assert [each.value for each in Stage if each.value in caught.value.hint] == list(Stage)


@pytest.mark.parametrize("named", ["", HOME_PROJECT])
def test_the_checkout_at_hand_is_judged_also_where_its_kind_is_named(
    live: LiveHost, checkout: str, named: str
) -> None:
    found = choose_project(live, Options(directory=checkout, project=named))
    assert (found.name, found.path, found.programs) == (HOME_PROJECT, checkout, ("minimal",))


@pytest.mark.parametrize("name", [name for name in kinds() if name != HOME_PROJECT])
def test_another_project_that_is_named_is_judged_without_the_checkout_at_hand(
    live: LiveHost, checkout: str, name: str
) -> None:
    found = choose_project(live, Options(directory=checkout, project=name))
    assert (found.name, found.path) == (name, "")
    assert found.programs == tuple(kind_named(name).programs)
    assert found.evidence, "a check shows what the project was recognised by"


@pytest.mark.parametrize("named", [False, True])
def test_outside_any_project_the_machine_is_judged(
    live: LiveHost, tmp_path: Path, named: bool
) -> None:
    found = choose_project(live, Options(directory=str(tmp_path), named=named))
    assert (found.name, found.path, found.subject) == ("embedded", "", Subject.MACHINE)
    assert found.programs == ("embedded",)
    assert found.tree == Tree(str(tmp_path), named)
    assert str(tmp_path) in found.evidence


@pytest.mark.parametrize("named", [False, True])
def test_a_tree_that_says_it_is_no_project_is_none_also_where_it_is_named(
    live: LiveHost, tmp_path: Path, named: bool
) -> None:
    (tmp_path / "bpfdoctor.toml").write_text('[project]\nkind = "embedded"\n')
    (tmp_path / "Makefile").write_text("all:\n\tclang -target bpf -c x.c\n")
    found = choose_project(live, Options(directory=str(tmp_path), named=named))
    assert (found.subject, found.tree) == (Subject.MACHINE, Tree(str(tmp_path)))


@pytest.mark.parametrize(
    ("programs", "kind"),
    [
        (("embedded",), "embedded"),
        (("minimal",), HOME_PROJECT),
        (("minimal", "lsm"), HOME_PROJECT),
        (("minimaal",), HOME_PROJECT),
        (("minimal", "embedded"), HOME_PROJECT),
    ],
)
def test_the_name_of_a_program_means_its_project_where_none_is_known(
    live: LiveHost, tmp_path: Path, programs: tuple[str, ...], kind: str
) -> None:
    targets = tuple(Target(name) for name in programs)
    found = choose_project(live, Options(directory=str(tmp_path), targets=targets))
    assert (found.name, found.path) == (kind, "")


def test_an_object_is_judged_in_place_of_a_source_tree() -> None:
    facts = BpfObject((ObjectProgram("seen", "uprobe"),), (), btf=True, kernel_btf=True)
    answers = AskBpfObject("some.bpf.o").apart(facts)
    asked = FakeHost(answers, NoAnswer("ENOENT"))
    found = choose_project(asked, Options(object="some.bpf.o", project=HOME_PROJECT))
    assert (found.object, found.programs) == ("some.bpf.o", ("seen",))


def test_what_is_no_object_is_refused_with_the_reason() -> None:
    asked = FakeHost({ReadObject("some.bpf.o"): NoAnswer("ENOENT", "it is not there")})
    with pytest.raises(BpfDoctorError, match=r"no file some\.bpf\.o") as caught:
        choose_project(asked, Options(object="some.bpf.o"))
    assert "clang" in caught.value.hint


@pytest.mark.parametrize(("name", "hint"), [("minmal", "minimal"), ("xyz", "bootstrap")])
def test_an_unknown_program_is_refused_with_the_near_miss_or_all(name: str, hint: str) -> None:
    with pytest.raises(BpfDoctorError, match=name) as caught:
        choose_selection(host(), project_named(), Options(targets=(Target(name),)))
    assert hint in caught.value.hint
    assert ("sockfilter" in caught.value.hint) is (name == "xyz")


def test_one_unknown_program_among_known_ones_is_refused() -> None:
    for names in (("minimal", "absent"), ("absent", "minimal")):
        with pytest.raises(BpfDoctorError, match="absent"):
            choose_selection(
                host(), project_named(), Options(targets=tuple(Target(name) for name in names))
            )


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (("alone", "demo", "twin"), ["demo", "twin"]),
        (("alone", "twin"), ["twin"]),
        (("alone", "other"), ["alone"]),
        ((), []),
    ],
)
def test_the_default_is_what_the_checkout_has_of_its_kinds_own_else_its_first_program(
    there: tuple[str, ...], expected: list[str]
) -> None:
    kind = msgspec.structs.replace(KIND, default=("demo", "twin"))
    selection = choose_selection(host(), Project(kind, "/tree", there), Options())
    assert programs(selection) == expected
    assert {target.stage for target in selection.targets} <= {Stage.FIRES}
    assert (selection.explicit, selection.note) == (False, "")


@pytest.mark.parametrize(
    ("namespace", "there", "expected"),
    [
        (CONTAINED, ("minimal", "minimal_ns", "bootstrap"), ["minimal_ns", "bootstrap"]),
        (CONTAINED, ("minimal", "bootstrap"), ["minimal", "bootstrap"]),
        (INITIAL_PID_NAMESPACE, ("minimal", "minimal_ns", "bootstrap"), ["minimal", "bootstrap"]),
        (0, ("minimal", "minimal_ns", "bootstrap"), ["minimal", "bootstrap"]),
    ],
)
def test_in_a_pid_namespace_the_default_gives_way_where_there_is_another_and_says_so(
    namespace: int, there: tuple[str, ...], expected: list[str]
) -> None:
    project = msgspec.structs.replace(project_named(), programs=there)
    selection = choose_selection(host(namespace), project, Options())
    assert programs(selection) == expected
    assert ("minimal_ns in place of minimal" in selection.note) is ("minimal_ns" in expected)


def test_every_program_that_gives_way_is_noted() -> None:
    shy = {name: msgspec.structs.replace(PROGRAM, substitute=f"{name}_ns") for name in "ab"}
    kind = msgspec.structs.replace(KIND, default=("a", "b"), programs=shy)
    project = Project(kind, "/tree", ("a", "b", "a_ns", "b_ns"))
    note = choose_selection(host(CONTAINED), project, Options()).note
    assert [part.partition(":")[0] for part in note.split("; ")] == [
        "a_ns in place of a",
        "b_ns in place of b",
    ]


def test_where_the_namespace_cannot_be_asked_the_default_stands() -> None:
    silent = FakeHost({AskIdentity(): NoAnswer("EACCES")})
    assert programs(choose_selection(silent, project_named(), Options())) == [
        "minimal",
        "bootstrap",
    ]


def test_what_is_named_is_judged_as_it_is_in_a_pid_namespace_too() -> None:
    options = Options(targets=(Target("minimal", Stage.LOAD),))
    selection = choose_selection(host(CONTAINED), project_named(), options)
    assert selection == Selection(options.targets, explicit=True)


def test_every_program_leaves_out_what_disturbs_the_machine_and_says_so() -> None:
    loud = msgspec.structs.replace(PROGRAM, disturbs="stops everything")
    kind = msgspec.structs.replace(KIND, programs={"demo": PROGRAM, "loud": loud, "noisy": loud})
    known = ("demo", "loud", "noisy", "unlisted")
    selection = choose_selection(host(), Project(kind, "/tree", known), Options(every_program=True))
    assert programs(selection) == ["demo", "unlisted"]
    assert selection.note.endswith(": loud, noisy")
    assert not selection.explicit


def test_where_no_program_disturbs_nothing_is_noted() -> None:
    selection = choose_selection(host(), PROJECT, Options(every_program=True))
    assert selection == Selection((Target("demo"),))


def check(check_id: str, *requires: str, gates: bool = False) -> Check:
    return Check(check_id, check_id, lambda context: None, requires, gates)


CHECKS = [
    msgspec.structs.replace(check("names.initial"), excused_by=("other.excuse",)),
    msgspec.structs.replace(check("mounts.trace"), explained_by=("other.cause",)),
    check("kernel.load", "kernel.base[part]"),
    check("kernel.base", "other.deep"),
    check("tool.compiler"),
    *(check(f"other.{name}") for name in ("excuse", "cause", "deep", "spare")),
    check("other.gate", gates=True),
]
"""The needs of the sample project among others, not in the order of what they wait for."""
ALL = {each.id for each in CHECKS}
LOAD = {"kernel.load", "kernel.base", "other.deep"}


def chosen(options: Options) -> list[str]:
    selection = choose_selection(host(), PROJECT, options)
    return [each.id for each in choose_checks(CHECKS, PROJECT, selection, options)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), ALL),
        (Options(only=("other.spare",)), {"other.spare"}),
        (Options(only=("kernel",)), LOAD),
        (Options(only=("kernel.load",)), LOAD),
        (Options(only=("kernel.load[part]",)), LOAD),
        (Options(only=("mounts",)), {"mounts.trace", "other.cause"}),
        (Options(only=("names", "tool")), {"names.initial", "other.excuse", "tool.compiler"}),
        (Options(skip=("other.spare",)), ALL - {"other.spare"}),
        (Options(skip=("other",)), {each for each in ALL if not each.startswith("other.")}),
    ],
)
def test_only_and_skip_choose_checks_by_id_or_subject(options: Options, expected: set[str]) -> None:
    assert set(chosen(options)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(skip=("kernel.base",)), ALL - {"kernel.base"}),
        (Options(only=("kernel.load",), skip=("other.deep",)), LOAD - {"other.deep"}),
        (Options(only=("kernel.load",), skip=("kernel.load",)), set()),
    ],
)
def test_what_is_skipped_is_not_run_though_something_requires_it_nor_what_it_alone_requires(
    options: Options, expected: set[str]
) -> None:
    assert set(chosen(options)) == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (Stage.BUILD, {"tool.compiler"}),
        (Stage.LOAD, {"tool.compiler", *LOAD}),
        (Stage.ATTACH, {"tool.compiler", *LOAD, "mounts.trace", "other.cause"}),
        (Stage.FIRES, ALL - {"other.gate", "other.spare"}),
    ],
)
def test_a_named_program_takes_the_checks_of_its_stages_and_the_gates(
    last: Stage, expected: set[str]
) -> None:
    options = Options(targets=(Target("demo", last),))
    assert set(chosen(options)) == {*expected, "other.gate"}
    assert set(chosen(msgspec.structs.replace(options, everything=True))) == ALL


def test_an_object_takes_the_checks_that_its_programs_need() -> None:
    assert set(chosen(Options(object="some.bpf.o"))) == ALL - {"other.spare"}
    assert set(chosen(Options(object="some.bpf.o", everything=True))) == ALL


def test_build_alone_asks_nothing_of_the_kernel() -> None:
    options = Options(targets=(Target("minimal", Stage.BUILD),))
    selection = choose_selection(host(), project_named(), options)
    checks = choose_checks(load_checks().checks, project_named(), selection, options)
    ids = {each.id for each in checks}
    assert {"toolchain.clang", "libraries.libelf"} <= ids
    assert {"kernel.btf", "runtime.privileges"}.isdisjoint(ids)


def test_a_need_that_is_not_among_the_checks_is_passed_over() -> None:
    options = Options(targets=(Target("demo"),))
    selection = choose_selection(host(), PROJECT, options)
    few = [check("tool.compiler", "other.absent")]
    assert choose_checks(few, PROJECT, selection, options) == few


def test_checks_are_run_in_the_order_in_which_they_are_known() -> None:
    assert chosen(Options(only=tuple(sorted(ALL, reverse=True)))) == [each.id for each in CHECKS]


@pytest.mark.parametrize(
    ("name", "hint"), [("kernel.laod", "kernel.load"), ("kernle", "kernel"), ("x", "names")]
)
def test_an_unknown_check_is_refused_with_the_near_miss_or_all(name: str, hint: str) -> None:
    ids = [each.id for each in CHECKS]
    for known in ((), ("tool",)):
        with pytest.raises(BpfDoctorError, match=name) as caught:
            expand((*known, name), ids)
        assert hint in caught.value.hint


def test_every_need_of_every_project_is_a_check_that_exists() -> None:
    known = {each.id for each in all_checks().checks}
    named = {
        check_of(key)
        for kind in kinds().values()
        for name in kind.programs
        for stage in Stage
        for key in Project(kind, "", (name,)).needs(name, stage)
    }
    assert named <= known
