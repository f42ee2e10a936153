"""What the user stands in is the nearest of a project file, a known project and a sign of BPF."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.git.bpf_signs import AskBpfSigns
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.record import RecordedHost, RecordingHost, Snapshot, read_snapshot
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.system.files import AskDirectory, Directory
from bpfdoctor.model import Tool
from bpfdoctor.projects.surroundings import Surroundings, surroundings
from bpfdoctor.testing import FakeHost

ROOT = Path(__file__).parents[2]
NAMES_BPF = "all:\n\tclang -target bpf -c x.c\n"
EMBEDDED = '[project]\nkind = "embedded"\n'
CLEAN = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(place: Path, *arguments: str) -> None:
    argv = ("git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run((*argv, *arguments), env=CLEAN, check=True, capture_output=True)


def tracked(place: Path) -> Path:
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "first", "--allow-empty")
    return place


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def live(**environ: str) -> LiveHost:
    return LiveHost(Machine({"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ}))


def found(place: Path | str, **environ: str) -> Surroundings:
    return surroundings(live(**environ), str(place))


def said(place: Path | str, **environ: str) -> str:
    """`machine`, `unknown: SIGNS`, or the name and path of the project."""
    here = found(place, **environ)
    assert not (here.project and here.signs)
    if here.project:
        return f"{here.project.name} {here.project.path}"
    return "unknown: " + ", ".join(s.shown() for s in here.signs) if here.signs else "machine"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Like libbpf-bootstrap: a build directory, a Rust example, and libbpf for a submodule."""
    place, part = tmp_path / "checkout", tmp_path / "libbpf"
    write(part / "src/Makefile", "LIB = libbpf.a\n")
    tracked(part)
    write(place / "examples/c/Makefile", "APPS = minimal\nLIBBPF = ../../libbpf\n")
    write(place / "examples/c/minimal.bpf.c")
    write(place / "examples/c/sub/Makefile", NAMES_BPF)
    write(place / "examples/rust/Cargo.toml", '[workspace]\nmembers = ["xdp"]\n')
    write(place / "examples/rust/xdp/Cargo.toml", '[dependencies]\nlibbpf-rs = "0.26"\n')
    write(place / "examples/rust/xdp/src/main.rs")
    write(place / "docs/page.md")
    git(tracked(place), "-c", "protocol.file.allow=always", "submodule", "add", f"{part}", "libbpf")
    return place


@pytest.mark.parametrize(
    "below", ["", "examples", "examples/c", "examples/c/sub", "libbpf", "libbpf/src", "docs"]
)
def test_the_root_the_build_and_the_submodules_of_a_checkout_are_that_project(
    checkout: Path, below: str
) -> None:
    assert said(checkout / below) == f"libbpf-bootstrap {checkout}"
    assert found(checkout / below).root == str(checkout)


@pytest.mark.parametrize("below", ["examples/rust/xdp", "examples/rust/xdp/src"])
def test_a_rust_example_is_not_the_c_examples_beside_it(checkout: Path, below: str) -> None:
    assert said(checkout / below) == "unknown: examples/rust/xdp/Cargo.toml (libbpf)"
    assert found(checkout / below).root == str(checkout)


def test_a_directory_of_such_examples_is_not_either(checkout: Path) -> None:
    assert said(checkout / "examples/rust") == "unknown: examples/rust/xdp/Cargo.toml (libbpf)"


def test_a_clone_of_libbpf_alone_is_an_unknown_tree(checkout: Path) -> None:
    for place in ("libbpf", "libbpf/src"):
        assert said(checkout.parent / place) == "unknown: src/Makefile (libbpf)"


def test_another_repository_in_a_checkout_is_none_of_it(checkout: Path) -> None:
    shutil.copytree(checkout.parent / "libbpf", checkout / "mine")
    assert said(checkout / "mine") == "unknown: src/Makefile (libbpf)"
    write(checkout / "web/Makefile", "all:\n")
    assert said(checkout / "web") == f"libbpf-bootstrap {checkout}"
    tracked(checkout / "web")
    assert said(checkout / "web") == "machine"


def test_a_submodule_is_its_checkouts_by_gitmodules_alone(checkout: Path) -> None:
    (checkout / ".gitmodules").write_text('[submodule "x"]\n\tpath = libbp\n\turl = /x\n')
    assert said(checkout / "libbpf/src") == "unknown: src/Makefile (libbpf)"


def test_the_layout_of_2020_has_its_build_in_src(tree: Path) -> None:
    write(tree / "src/Makefile", "APPS = minimal\n" + NAMES_BPF)
    write(tree / "src/minimal.bpf.c")
    write(tree / "tool/Makefile", NAMES_BPF)
    assert said(tree / "src") == said(tree) == f"libbpf-bootstrap-2020 {tree}"
    assert said(tree / "tool") == "unknown: Makefile (target bpf)"


def test_a_web_project_an_empty_directory_and_an_absent_one_are_the_machine(tree: Path) -> None:
    assert said(tree) == said(tree / "absent") == "machine"
    write(tree / "Makefile", "build:\n\tnpm run build\n")
    assert said(tracked(tree)) == "machine"
    assert found(tree) == Surroundings(str(tree), str(tree))


def test_a_monorepo_names_bpf_at_its_root_and_not_beside(tree: Path) -> None:
    write(tree / "agent/ebpf/src/x.bpf.c")
    write(tree / "web/Makefile", "all:\n")
    tracked(tree)
    assert said(tree) == "unknown: agent/ebpf/src/x.bpf.c"
    assert said(tree / "web") == "machine"


def test_signs_above_are_told_before_those_below(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    write(tree / "src/x.bpf.c")
    assert said(tree) == "unknown: Makefile (target bpf)"


def test_a_home_and_the_system_are_the_machine(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    assert said(tree, HOME=str(tree)) == "machine"
    assert said("/usr") == said("/") == "machine"


def test_what_cannot_be_read_is_said(tree: Path) -> None:
    (tree / "Makefile").symlink_to("Makefile")
    assert (said(tree), found(tree).unseen) == ("machine", ("Makefile",))


@pytest.mark.parametrize(
    ("reason", "unseen"), [("EACCES", ("EACCES",)), ("ENOENT", ()), ("not-recorded", ())]
)
def test_a_directory_that_is_shut_is_said_to_be_so(reason: str, unseen: tuple[str, ...]) -> None:
    shut = FakeHost({AskDirectory("/shut"): NoAnswer(reason)})
    assert surroundings(shut, "/shut") == Surroundings("/shut", unseen=unseen)


def test_a_tree_whose_signs_cannot_be_seen_is_said_to_be_so() -> None:
    known = {AskDirectory("/x"): Directory("/x", ()), AskBpfSigns("/x"): NoAnswer("EPERM")}
    here = surroundings(FakeHost(known, otherwise=NoAnswer("ENOENT")), "/x")
    assert here == Surroundings("/x", "/x", unseen=("EPERM",))


# The project file


def test_a_project_file_makes_a_tree_the_machine_whatever_lies_below(tree: Path) -> None:
    write(tree / "bpfdoctor.toml", EMBEDDED)
    write(tree / "Makefile", NAMES_BPF)
    write(tree / "tests/objects/x.bpf.c")
    for below in ("", "tests"):
        assert said(tree / below) == "machine"
        assert found(tree / below).file == f"{tree}/bpfdoctor.toml"
    assert said(tree / "tests/objects") == "unknown: x.bpf.c"


def test_a_sign_that_is_nearer_than_the_project_file_counts(tree: Path) -> None:
    write(tree / "bpfdoctor.toml", EMBEDDED)
    write(tree / "agent/Makefile", NAMES_BPF)
    write(tree / "agent/src/x.c")
    tracked(tree)
    assert said(tree) == "machine"
    assert said(tree / "agent/src") == "unknown: agent/Makefile (target bpf)"
    write(tree / "agent/src/bpfdoctor.toml", EMBEDDED)
    assert said(tree / "agent/src") == "machine"


def test_a_project_file_names_a_kind_for_a_tree_that_does_not_look_like_it(tree: Path) -> None:
    write(tree / "bpfdoctor.toml", '[project]\nkind = "libbpf-bootstrap"\n')
    assert said(tree) == f"libbpf-bootstrap {tree}"


def test_a_project_file_is_believed_rather_than_what_its_place_looks_like(checkout: Path) -> None:
    write(checkout / "bpfdoctor.toml", EMBEDDED)
    assert said(checkout) == said(checkout / "docs") == said(checkout / "libbpf/src") == "machine"
    assert said(checkout / "examples/c").startswith("unknown: examples/c/minimal.bpf.c")
    (checkout / "bpfdoctor.toml").rename(checkout.parent / "bpfdoctor.toml")
    assert said(checkout) == f"libbpf-bootstrap {checkout}"


def test_a_project_file_above_the_git_root_is_of_another_tree(tree: Path) -> None:
    write(tree.parent / "bpfdoctor.toml", EMBEDDED)
    write(tree / "part/x.bpf.c")
    assert found(tree).file == f"{tree.parent}/bpfdoctor.toml"
    tracked(tree)
    assert (said(tree), found(tree).file) == ("unknown: part/x.bpf.c", "")


def test_a_mistake_in_a_project_file_is_an_error(tree: Path) -> None:
    write(tree / "bpfdoctor.toml", '[project]\nkind = "none"\n')
    with pytest.raises(BpfDoctorError, match=r"bpfdoctor\.toml: no project is called 'none'"):
        found(tree)


def test_a_project_file_that_a_stranger_left_decides_nothing(
    tree: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    write(tree / "bpfdoctor.toml", EMBEDDED)
    write(tree / "x.bpf.c")
    os.chown(tree / "bpfdoctor.toml", 12345, 12345)
    assert said(tree) == "unknown: x.bpf.c"
    os.chown(tree, 12345, 12345)
    assert said(tree) == "machine"


def test_a_clone_of_our_own_is_the_machine(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    kept = shutil.ignore_patterns(".git", ".venv*", "mutants", "build", "*cache*")
    shutil.copytree(ROOT, clone, ignore=kept, symlinks=True)
    for place in (clone, tracked(clone), clone / "checks", clone / "tests"):
        assert said(place) == "machine"
    (clone / "bpfdoctor.toml").unlink()
    assert said(clone).startswith("unknown: bpfdoctor/smoke/embedded/")


# Recorded machines


@pytest.mark.parametrize("below", ["examples/c", "examples/rust/xdp", "libbpf/src"])
def test_a_recorded_machine_stands_where_the_live_one_did(checkout: Path, below: str) -> None:
    recording = RecordingHost(live())
    now = surroundings(recording, str(checkout / below))
    redactor = Redactor(checkout=str(checkout))
    snapshot = Snapshot(Tool("bpfdoctor", "0"), "3", "now", 0, {}, recording.answers)
    snapshot.write(checkout.parent / "snapshot", redactor)
    recorded = RecordedHost(read_snapshot(checkout.parent / "snapshot"))
    assert surroundings(recorded, f"$CHECKOUT/{below}") == redactor.value(now)


def test_a_machine_that_was_recorded_before_there_were_signs_has_none(tree: Path) -> None:
    old = FakeHost(
        {AskDirectory("/srv/x"): Directory("/srv/x", ("/srv", "/"))},
        otherwise=NoAnswer("not-recorded"),
    )
    assert surroundings(old, "/srv/x") == Surroundings("/srv/x", "/srv/x")
