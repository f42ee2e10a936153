"""bpftool: real ones, executables that only bear its name, and what BPFTOOL may name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from private_path import Bounded, private_path, real, script
from ways import with_words

from bpfdoctor.api import ByHand, Finding, Install, Instead, Project, Setting, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.tools.emulated import Accepts, TryExecutable
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import FakeHost, one, run_check

OWN = {"CLANG": "clang", "BPFTOOL": ""}

WRAPPER = """\
echo "WARNING: bpftool not found for kernel 6.8.0-31" >&2
echo "  You may need to install the following packages for this specific kernel:" >&2
exit 2"""
"""What Ubuntu's /usr/sbin/bpftool does where no linux-tools fit the running kernel."""


def project(path: str = "", **tools: str) -> Project:
    build = Build(".", "Makefile", tools={"CLANG": "clang", "BPFTOOL": "bpftool", **tools})
    return Project(ProjectKind("own", "own", "own", (), {}, build=build), path)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    return private_path(tmp_path)


def found(check_id: str, host: LiveHost | FakeHost, about: Project | None = None) -> Finding:
    return one(run_check(check_id, host, about or project()))


def test_ubuntus_wrapper_is_only_a_wrapper(private: Path, needs: Callable[..., None]) -> None:
    needs("clang")
    script(private, "bpftool", WRAPPER)
    finding = found("toolchain.bpftool", Bounded(private))
    assert finding.status is Status.FAIL
    assert "only a wrapper" in finding.summary
    assert "linux-tools" in finding.summary or finding.fixes == (Install(("bpftool",)),)


def test_a_bpftool_that_makes_no_skeleton_fails(private: Path, needs: Callable[..., None]) -> None:
    needs("clang")
    script(private, "bpftool", "echo bpftool v5.4.0")
    finding = found("toolchain.bpftool", Bounded(private))
    assert finding.status is Status.FAIL
    assert "makes no skeleton" in finding.summary


def test_a_bpftool_that_comes_with_the_checkout_is_the_one_judged(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    (tmp_path / "tools").mkdir()
    shutil.copy(real("bpftool"), tmp_path / "tools/bpftool")
    own = project(str(tmp_path), BPFTOOL="tools/bpftool")
    finding = found("toolchain.bpftool", Bounded(private), own)
    assert finding.status is Status.PASS
    assert str(tmp_path / "tools/bpftool") in finding.summary
    (tmp_path / "tools/bpftool").write_bytes(b"\x7fELF for another machine")
    (private / "bpftool").symlink_to(real("bpftool"))
    foreign = found("toolchain.bpftool", Bounded(private), own)
    assert foreign.status is Status.FAIL
    assert "ENOEXEC" in foreign.summary
    assert foreign.fixes == (with_words("BPFTOOL=bpftool"),)
    (tmp_path / "tools/bpftool").chmod(0o644)
    forbidden = found("toolchain.bpftool", Bounded(private), own)
    assert forbidden.status is Status.FAIL
    assert forbidden.summary.startswith(f"{tmp_path}/tools/bpftool is not an executable file")
    chmod = ByHand(f"chmod +x {tmp_path}/tools/bpftool")
    assert forbidden.fixes == (chmod, with_words("BPFTOOL=bpftool"))
    (private / "bpftool").unlink()
    alone = found("toolchain.bpftool", Bounded(private), own)
    assert alone.fixes == (chmod, Install(("bpftool",)))


def test_nothing_of_a_checkout_runs_before_a_build_is_asked_for(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    own, ran = project(str(tmp_path), BPFTOOL="./bpftool"), tmp_path / "ran"
    script(tmp_path, "bpftool", f"echo ran > {ran}; echo bpftool v7")
    by_hand = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    assert by_hand.status is Status.UNKNOWN
    assert "not an ELF executable; not run" in by_hand.summary
    assert not ran.exists()
    shutil.copy(real("bpftool"), tmp_path / "bpftool")
    warned = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    assert warned.status is Status.WARN
    assert "executable; not run: files of the checkout run only in a build" in warned.summary
    assert run_check("toolchain.bpftool", Bounded(private), own)[0].status is Status.PASS


def test_an_executable_for_another_machine_is_not_taken_unseen(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    own = project(str(tmp_path), BPFTOOL="./bpftool")
    header = bytearray(Path(real("bpftool")).read_bytes()[:64])
    header[18:20] = (258).to_bytes(2, "little")  # EM_LOONGARCH
    (tmp_path / "bpftool").write_bytes(header)
    (tmp_path / "bpftool").chmod(0o755)
    finding = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    accepted = TryExecutable("EM_LOONGARCH", 64, "little").put(Machine())
    assert accepted == Accepts(False), "an emulator is registered here"
    assert finding.status is Status.FAIL
    assert "EM_LOONGARCH executable, this interpreter a" in finding.summary
    (private / "bpftool").symlink_to(real("bpftool"))
    other = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    assert other.status is Status.FAIL
    assert other.fixes == (with_words("BPFTOOL=bpftool"),)


def test_without_a_checkout_its_bpftool_is_not_judged() -> None:
    host = FakeHost()
    assert run_check("toolchain.bpftool", host, project(BPFTOOL="tools/bpftool")) == ()


def test_a_checkouts_bpftool_runs_as_the_owner_of_the_tree(
    private: Path, needs: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    needs("clang", "root", "id")
    tree = Path(tempfile.mkdtemp())  # pytest's own directories are closed to other users
    request.addfinalizer(lambda: shutil.rmtree(tree))
    os.chown(tree, 65534, 65534)
    script(tree, "bpftool", f'echo "bpftool v7.1.0 by $({real("id")} -u)"')
    finding = found("toolchain.bpftool", Bounded(private), project(str(tree), BPFTOOL="./bpftool"))
    assert any("by 65534" in each.text for each in finding.evidence)


def set_to(private: Path, checkout: Path, value: str) -> Finding | None:
    """The finding where the environment's BPFTOOL is this, and the build makes one itself."""
    host = Bounded(private, BPFTOOL=value)
    build = Build("src", "src/Makefile", tools=OWN, outputs=(".output",))
    own = Project(ProjectKind("own", "own", "own", (), {}, build=build), str(checkout))
    return next(iter(run_check("toolchain.bpftool", host, own, may_build=False)), None)


def test_a_build_that_makes_its_own_asks_for_none(private: Path, tmp_path: Path) -> None:
    own = project(str(tmp_path), BPFTOOL="")
    assert run_check("toolchain.bpftool", Bounded(private), own) == ()
    assert run_check("toolchain.bpftool", Bounded(private), project(BPFTOOL="")) == ()
    for name in (".output/bpftool/bootstrap/bpftool", f"{tmp_path}/src/.output/bpftool"):
        assert set_to(private, tmp_path, name) is None


@pytest.mark.parametrize(
    ("value", "trouble"),
    [
        ("nonesuch", "nonesuch is not on PATH"),
        ("", "BPFTOOL is set to nothing"),
        ("/bin/true", "/bin/true exits 0 and makes no skeleton"),
        ("/bin/false", "/bin/false exits 1"),
    ],
)
def test_what_replaces_the_builds_own_and_is_none_is_to_be_unset(
    private: Path, tmp_path: Path, needs: Callable[..., None], value: str, trouble: str
) -> None:
    needs("clang")
    finding = set_to(private, tmp_path, value)
    assert finding is not None
    assert (finding.status, finding.summary) == (Status.FAIL, trouble)
    unset = "unset BPFTOOL: the build makes a bpftool of its own then"
    assert finding.fixes == (ByHand(unset, instead=Instead(without=("BPFTOOL",))),)


def test_what_replaces_the_builds_own_and_works_passes(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    (private / "bpftool").symlink_to(real("bpftool"))
    for value in ("bpftool", real("bpftool")):
        finding = set_to(private, tmp_path, value)
        assert finding is not None
        assert finding.status is Status.PASS
    shutil.copy(real("bpftool"), tmp_path / "bpftool")
    unproven = set_to(private, tmp_path, "../bpftool")  # as make reads it, in the makefile's place
    assert unproven is not None
    assert unproven.status is Status.WARN
    assert unproven.summary.startswith(f"{tmp_path}/bpftool is a ")


def test_a_bpftool_that_cannot_link_is_none_where_the_makefile_has_it_link(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    script(private, "old", f'[ "$2" != object ] && exec {real("bpftool")} "$@"; exit 255')
    (tmp_path / "src").mkdir()
    cases = (("gen skeleton", Status.PASS, "old "), ("gen object", Status.FAIL, "old exits 255"))
    for recipe, status, words in cases:
        (tmp_path / "src/Makefile").write_text(f"x:\n\t$(BPFTOOL) {recipe} x\n")
        finding = set_to(private, tmp_path, "old")
        assert finding is not None
        assert finding.status is status
        assert finding.summary.startswith(words)
    new = set_to(private, tmp_path, real("bpftool"))
    assert new is not None
    assert new.status is Status.PASS


def of_makefile(checkout: Path, value: str, **more: str) -> Project:
    """A checkout whose makefile was read, and names this bpftool."""
    build = Build("src", "src/Makefile", tools=OWN, outputs=(".output",))
    setting = Setting("BPFTOOL", value, "file", makefile="src/Makefile", **more)
    kind = ProjectKind("own", "own", "own", (), {}, build=build)
    return Project(kind, str(checkout), settings=(setting,))


def test_the_bpftool_that_the_makefile_names_is_the_one_judged(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    """Checkouts of 2021 and 2022 have one in tools/; the environment's does not count for `:=`."""
    needs("clang", "bpftool")
    (tmp_path / "tools").mkdir()
    (tmp_path / "src").mkdir()
    shutil.copy(real("bpftool"), tmp_path / "tools/bpftool")
    for value in (f"{tmp_path}/tools/bpftool", "../tools/bpftool"):
        host = Bounded(private, BPFTOOL="nonesuch")
        finding = found("toolchain.bpftool", host, of_makefile(tmp_path, value))
        assert finding.status is Status.PASS
        assert f"{tmp_path}/tools/bpftool" in finding.summary
    (private / "bpftool").symlink_to(real("bpftool"))
    (tmp_path / "tools/bpftool").chmod(0o644)
    about = of_makefile(tmp_path, "../tools/bpftool")
    unfit = found("toolchain.bpftool", Bounded(private, BPFTOOL="nonesuch"), about)
    assert unfit.status is Status.FAIL
    assert unfit.fixes[-1] == with_words("BPFTOOL=bpftool")


def test_the_builds_own_bpftool_is_not_judged_whoever_names_it(
    private: Path, tmp_path: Path
) -> None:
    for value in (".output/bootstrap/bpftool", f"{tmp_path}/src/.output/bpftool"):
        about = of_makefile(tmp_path, value)
        assert run_check("toolchain.bpftool", Bounded(private), about) == ()


def test_a_bpftool_that_the_makefile_computes_is_unknown(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    (private / "bpftool").symlink_to(real("bpftool"))
    about = of_makefile(tmp_path, "", computed="$(shell cat x)")
    finding = found("toolchain.bpftool", Bounded(private), about)
    assert finding.status is Status.UNKNOWN
    assert finding.summary == "the makefile computes BPFTOOL by $(shell cat x)"
