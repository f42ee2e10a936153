"""What a run is about."""

from __future__ import annotations

import pytest

from bpfdoctor.api import AskIdentity, Identity, Project, Stage, Target
from bpfdoctor.engine.load import load_checks
from bpfdoctor.engine.select import (
    Options,
    choose_checks,
    choose_selection,
    parse_target,
)
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.system.facts import INITIAL_PID_NAMESPACE
from bpfdoctor.testing import FakeHost, project_named

CHECKS = load_checks().checks


def host(pid_namespace: int = INITIAL_PID_NAMESPACE) -> FakeHost:
    identity = Identity(0, 0, 0, 0, 0xEFFFFFFD, pid_namespace, (0, 0))
    return FakeHost({AskIdentity(): identity})


def chosen(project: Project, options: Options) -> set[str]:
    selection = choose_selection(host(), project, options)
    return {check.id for check in choose_checks(CHECKS, project, selection, options)}


def test_a_target_is_a_program_and_the_last_stage_that_matters() -> None:
    assert parse_target("bootstrap:build") == Target("bootstrap", Stage.BUILD)
    assert parse_target("bootstrap") == Target("bootstrap", Stage.FIRES)


def test_an_unknown_stage_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BpfDoctorError, match="stage 'run'") as caught:
        parse_target("minimal:run")
    assert "fires" in caught.value.hint


def test_an_unknown_program_is_refused_with_the_near_miss() -> None:
    with pytest.raises(BpfDoctorError) as caught:
        choose_selection(host(), project_named(), Options(targets=(Target("minmal"),)))
    assert "minimal" in caught.value.hint


def test_the_default_is_the_projects_own() -> None:
    selection = choose_selection(host(), project_named(), Options())
    assert [target.program for target in selection.targets] == ["minimal", "bootstrap"]


def test_in_a_pid_namespace_the_default_gives_way_and_says_so() -> None:
    selection = choose_selection(host(pid_namespace=4026532000), project_named(), Options())
    assert [target.program for target in selection.targets] == ["minimal_ns", "bootstrap"]
    assert "minimal_ns in place of minimal" in selection.note


def test_what_is_named_is_judged_as_it_is_in_a_pid_namespace_too() -> None:
    options = Options(targets=(Target("minimal"),))
    selection = choose_selection(host(pid_namespace=4026532000), project_named(), options)
    assert selection.targets == options.targets


def test_build_alone_asks_nothing_of_the_kernel() -> None:
    ids = chosen(project_named(), Options(targets=(Target("minimal", Stage.BUILD),)))
    assert {"toolchain.clang", "libraries.libelf"} <= ids
    assert {"kernel.btf", "runtime.privileges"}.isdisjoint(ids)


def test_only_brings_what_a_check_requires_and_skip_takes_it_away() -> None:
    only = chosen(project_named(), Options(only=("toolchain.clang-bpf",)))
    assert only == {"toolchain.clang", "toolchain.clang-bpf"}
    assert "kernel.btf" not in chosen(project_named(), Options(skip=("kernel",)))


def test_an_unknown_check_is_refused_with_the_near_miss() -> None:
    with pytest.raises(BpfDoctorError) as caught:
        chosen(project_named(), Options(only=("kernel.bft",)))
    assert "kernel.btf" in caught.value.hint


def test_every_need_of_every_project_is_a_check_that_exists() -> None:
    from bpfdoctor.engine.load import check_of
    from bpfdoctor.engine.session import all_checks
    from bpfdoctor.projects.reader import kinds

    known = {check.id for check in all_checks().checks}
    named = {
        check_of(key)
        for kind in kinds().values()
        for name in kind.programs
        for stage in Stage
        for key in Project(kind, "", (name,)).needs(name, stage)
    }
    assert named <= known
