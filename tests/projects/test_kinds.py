"""The project files: what they say of each program."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.model import Stage
from bpfdoctor.projects.model import Program, ProjectKind
from bpfdoctor.projects.reader import kind_named, kinds, read_kind
from bpfdoctor.testing import project_named

KINDS = list(kinds().values())
PROGRAMS = [(kind, name) for kind in KINDS for name in kind.programs]
SOUND = """\
name = "x"
title = "x"
layout = "x"
default = ["one"]
[build]
directory = "x"
makefile = "x/Makefile"
[needs]
build = ["a.check[{program}]"]
[programs.one]
summary = "x"
kernel = "5.2"
substitute = "two"
also = ["runtime.x"]
bpf.x = { load = "maybe", attach = "kprobe/x" }
needs.build = ["b.check"]
proof = { source = "trace", pattern = "{pid} x{2}" }
[programs.two]
summary = "x"
"""


each_program = pytest.mark.parametrize(
    ("kind", "name"), PROGRAMS, ids=[f"{kind.name}:{name}" for kind, name in PROGRAMS]
)


def test_the_three_kinds_are_known_by_name() -> None:
    assert {"libbpf-bootstrap", "libbpf-bootstrap-2020", "embedded"} <= set(kinds())


def test_a_near_miss_is_named() -> None:
    with pytest.raises(BpfDoctorError, match="no project") as raised:
        kind_named("libbpf-bootstap")
    assert raised.value.hint == "did you mean libbpf-bootstrap?"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_default_disturbs_the_machine(kind: ProjectKind) -> None:
    assert not any(kind.programs[name].disturbs for name in kind.default)


@each_program
def test_a_program_that_is_built_says_what_proves_it(kind: ProjectKind, name: str) -> None:
    # the embedded program is run by other code
    assert (kind.programs[name].proof is None) == (kind.build is None)


@each_program
def test_no_need_is_said_twice(kind: ProjectKind, name: str) -> None:
    needs = kind.programs[name].needs
    for stage in Stage:
        assert not set(kind.needs.get(stage, ())) & set(needs.get(stage, ()))
    own = [key for keys in needs.values() for key in keys]
    assert len(own) == len(set(own))


def test_minimal_needs_no_btf_and_bootstrap_does() -> None:
    project = project_named()
    assert "kernel.btf" not in project.needs("minimal", Stage.LOAD)
    assert "kernel.btf" in project.needs("bootstrap", Stage.LOAD)
    assert "toolchain.clang-core" in project.needs("bootstrap", Stage.BUILD)
    assert "toolchain.clang-core" not in project.needs("minimal", Stage.BUILD)


def test_only_the_layout_of_2020_needs_llvm_strip_and_a_bpftool_of_the_machine() -> None:
    old, new = project_named("libbpf-bootstrap-2020"), project_named()
    assert "LLVM_STRIP" in old.tools
    assert "LLVM_STRIP" not in new.tools  # its makefiles of 2021 call it
    assert old.tools["BPFTOOL"].value == "tools/bpftool"
    assert new.tools["BPFTOOL"].value == ""  # it makes one, unless BPFTOOL names another


def test_a_program_of_the_makefile_alone_is_built_as_the_others_are() -> None:
    kind = kind_named("libbpf-bootstrap")
    project = project_named()
    project = type(project)(kind, "", (*project.programs, "mine"))
    assert project.program("mine") == kind.unlisted
    assert "toolchain.clang" in project.needs("mine", Stage.BUILD)
    assert not project.needs("mine", Stage.LOAD)  # its object was not asked for
    assert project.program("no-such") is None


def test_a_mistake_in_a_project_file_names_file_and_field(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(
        'name = "x"\ntitle = "x"\nlayout = ""\ndefault = []\nprograms = {}\nneads = {}\n'
    )
    with pytest.raises(BpfDoctorError, match=r"broken\.toml.*neads"):
        read_kind(broken)


def test_a_sound_project_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sound.toml"
    file.write_text(SOUND)
    assert list(read_kind(file).programs) == ["one", "two"]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('["one"]', '["one", "three"]', "default: 'three' is none of: one, two"),
        ('"two"', '"three"', "programs.one.substitute: 'three' is none of: one, two"),
        ('"5.2"', '"new"', "programs.one.kernel: 'new' is no version"),
        ("[build]", 'clang = "abc"\n[build]', "clang: 'abc' is no version"),
        ("[build]", '[build]\ninclude = ["{cpu}"]', "build: 'cpu' is none of: arch"),
        ("{program}", "{name}", "needs: 'name' is none of: program"),
        (
            '"runtime.x"',
            '"kernel.x"',
            "programs.one.also: 'kernel.x' begins with none of: runtime.",
        ),
        (
            "needs.build = [",
            "needs.load = [",
            "programs.one.needs: 'b.check': what is needed after",
        ),
        ("{pid}", "{nope}", "programs.one.proof: 'nope' is none of: pid"),
        ("{pid}", "{child}", "{child} has no value where the trigger is 'own'"),
        ("{pid}", "(", "programs.one.proof: '( x{2}' is no regular expression"),
    ],
)
def test_what_makes_no_sense_in_a_project_file_is_refused(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(SOUND.replace(right, wrong))
    with pytest.raises(BpfDoctorError) as raised:
        read_kind(file)
    assert str(raised.value).startswith(f"project file {file}: ")
    assert said in str(raised.value)


def test_an_unknown_trigger_is_refused() -> None:
    with pytest.raises(ValueError, match="trigger"):
        msgspec.convert({"summary": "x", "trigger": "dance"}, Program)


def test_only_programs_without_variables_and_texts_need_no_global_data() -> None:
    for name, without in {
        "libbpf-bootstrap": {"minimal_legacy", "sockfilter", "profile"},
        "libbpf-bootstrap-2020": {"uprobe", "kprobe", "fentry"},
    }.items():
        project = project_named(name)
        needing = {
            each
            for each in project.programs
            if "kernel.global-data" in project.needs(each, Stage.LOAD)
        }
        assert set(project.programs) - needing == without


def test_what_the_needs_name_of_a_check_is_told_once() -> None:
    project = project_named()
    assert project.abouts("kernel.tracepoints") == ("syscalls", "sched")
    assert project.abouts("kernel.btf") == ()
    assert len(set(project.all_needs())) == len(project.all_needs())
