"""The makefile's own directory in every state that stops a build, beside what make says of it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import tiny_checkout
from private_path import script
from tiny_checkout import HERE, found, make, project, worst, write_checkout

from bpfdoctor.api import ByHand, Compile, Compiled, NoAnswer, Question, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import A
from bpfdoctor.testing import FakeHost, one, run_check

NOBODY = 65534
TOOL = f"{HERE}/.output/bpftool/bootstrap/bpftool"
LIBRARY = f"{HERE}/.output/libbpf.a"

pytestmark = pytest.mark.usefixtures("_tools")


@pytest.fixture
def _tools(needs: Callable[..., None]) -> None:
    needs("make", "cc", "ar", "clang")


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A checkout in which all is built, in a place that every user may enter."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    if all(map(shutil.which, ("make", "cc", "ar", "clang"))):
        assert make(write_checkout(place / "template")) == 0
    yield place
    shutil.rmtree(place)


@pytest.fixture
def built(template: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A copy of it, with its times."""
    tree = template / "copy"
    shutil.copytree(template / "template", tree)
    yield tree
    shutil.rmtree(tree, ignore_errors=True)


@pytest.fixture
def fresh(template: Path) -> Iterator[Path]:
    """The same, never built."""
    yield write_checkout(template / "fresh")
    shutil.rmtree(template / "fresh", ignore_errors=True)


def foreign(path: Path) -> None:
    """Make the first ELF header in a file that of an AArch64 one."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"\x7fELF") + 18, 183)
    keeping_its_time(path, bytes(data))


def keeping_its_time(path: Path, data: bytes) -> None:
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def cut(path: Path) -> None:
    keeping_its_time(path, path.read_bytes()[: path.stat().st_size * 2 // 3])


def old(path: Path) -> None:
    os.utime(path, (1, 1))


def without(tree: Path, *names: str) -> None:
    """Take away what an interrupted build had not made yet."""
    for name in names:
        (tree / HERE / name).unlink()


def never_built(tree: Path) -> None:
    shutil.rmtree(tree / HERE / ".output")
    without(tree, "demo")


def a_foreign_bpftool(tree: Path) -> None:
    foreign(tree / TOOL)
    without(tree, "demo", ".output/demo.o", ".output/demo.skel.h")


def a_foreign_bpftool_alone(tree: Path) -> None:
    kept = (tree / TOOL).read_bytes()
    never_built(tree)
    (tree / TOOL).parent.mkdir(parents=True)
    (tree / TOOL).write_bytes(kept)
    (tree / TOOL).chmod(0o755)
    foreign(tree / TOOL)


def a_foreign_bpftool_that_nothing_runs(tree: Path) -> None:
    foreign(tree / TOOL)
    without(tree, "demo")


def a_bpftool_without_its_x_bit(tree: Path) -> None:
    (tree / TOOL).chmod(0o644)
    without(tree, "demo", ".output/demo.o", ".output/demo.skel.h")


def a_bpftool_that_breaks(tree: Path) -> None:
    (tree / TOOL).write_text("#!/bin/sh\nexit 127\n")
    without(tree, "demo", ".output/demo.o", ".output/demo.skel.h")


def an_old_empty_bpftool(tree: Path) -> None:
    (tree / TOOL).write_bytes(b"")
    old(tree / TOOL)
    without(tree, "demo", ".output/demo.o", ".output/demo.skel.h", ".output/demo.bpf.o")


def an_output_that_is_a_file(tree: Path) -> None:
    never_built(tree)
    (tree / HERE / ".output").touch()


def a_library_cut_off(tree: Path) -> None:
    cut(tree / LIBRARY)
    without(tree, "demo")


def an_old_library_cut_off(tree: Path) -> None:
    a_library_cut_off(tree)
    old(tree / LIBRARY)


def a_library_that_is_text(tree: Path) -> None:
    keeping_its_time(tree / LIBRARY, b"junk")
    without(tree, "demo")


def a_foreign_library(tree: Path) -> None:
    foreign(tree / LIBRARY)
    without(tree, "demo")


def a_foreign_library_linked_before(tree: Path) -> None:
    foreign(tree / LIBRARY)


def an_object_of_the_library_empty(tree: Path) -> None:
    keeping_its_time(tree / HERE / ".output/libbpf/btf.o", b"")
    without(tree, "demo", ".output/libbpf.a", ".output/libbpf/libbpf.a")


def an_object_of_a_finished_library_empty(tree: Path) -> None:
    keeping_its_time(tree / HERE / ".output/libbpf/btf.o", b"")
    without(tree, "demo")


def an_object_cut_off(tree: Path) -> None:
    cut(tree / HERE / ".output/demo.o")
    without(tree, "demo")


def an_old_object_cut_off(tree: Path) -> None:
    an_object_cut_off(tree)
    old(tree / HERE / ".output/demo.o")


def a_foreign_object(tree: Path) -> None:
    foreign(tree / HERE / ".output/demo.o")
    without(tree, "demo")


def a_bpf_object_cut_off(tree: Path) -> None:
    cut(tree / HERE / ".output/demo.bpf.o")
    without(tree, "demo", ".output/demo.o", ".output/demo.skel.h")


def a_bpf_object_that_is_none(tree: Path) -> None:
    data = (tree / HERE / ".output/demo.o").read_bytes()
    keeping_its_time(tree / HERE / ".output/demo.bpf.o", data)
    without(tree, "demo", ".output/demo.o", ".output/demo.skel.h")


def an_old_bpf_object_cut_off(tree: Path) -> None:
    cut(tree / HERE / ".output/demo.bpf.o")
    old(tree / HERE / ".output/demo.bpf.o")


def a_skeleton_cut_off(tree: Path) -> None:
    path = tree / HERE / ".output/demo.skel.h"
    keeping_its_time(path, path.read_bytes()[:20])
    without(tree, "demo", ".output/demo.o")


def an_object_of_another_program_cut_off(tree: Path) -> None:
    assert make(tree, target="other") == 0
    cut(tree / HERE / ".output/other.o")
    without(tree, "other")


SOUND = [
    lambda tree: None,
    never_built,
    a_foreign_bpftool_that_nothing_runs,
    an_old_library_cut_off,
    a_foreign_library_linked_before,
    an_object_of_a_finished_library_empty,
    an_old_object_cut_off,
    an_old_bpf_object_cut_off,
    an_object_of_another_program_cut_off,
]
BROKEN: dict[Callable[[Path], None], str] = {
    a_foreign_bpftool: "is for EM_AARCH64",
    a_foreign_bpftool_alone: "is for EM_AARCH64",
    a_bpftool_without_its_x_bit: "may not be executed",
    a_bpftool_that_breaks: "is no executable",
    an_old_empty_bpftool: "is empty",
    an_output_that_is_a_file: "is not a directory",
    a_library_cut_off: "is cut off",
    a_library_that_is_text: "is no archive",
    a_foreign_library: "is for EM_AARCH64",
    an_object_of_the_library_empty: "is empty",
    an_object_cut_off: "is cut off",
    a_foreign_object: "is for EM_AARCH64",
    a_bpf_object_cut_off: "is cut off",
    a_bpf_object_that_is_none: "is for EM_X86_64, not for EM_BPF",
    a_skeleton_cut_off: "is cut off",
}
x86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="EM_X86_64 is this machine's")


@pytest.mark.parametrize("state", SOUND, ids=lambda state: state.__name__)
def test_what_make_builds_passes(state: Callable[[Path], None], built: Path) -> None:
    state(built)
    finding = worst(found(built))
    assert finding.status is Status.PASS, finding.summary
    assert finding.evidence
    assert make(built) == 0


@x86
@pytest.mark.parametrize("state", BROKEN, ids=lambda state: state.__name__)
def test_what_stops_make_fails_and_its_remedy_mends_it(
    state: Callable[[Path], None], built: Path
) -> None:
    state(built)
    finding = worst(found(built))
    assert finding.status is Status.FAIL
    assert BROKEN[state] in finding.summary
    assert make(built) != 0
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert fix.instead is not None
    assert fix.instead.elsewhere
    subprocess.run(["sh", "-c", fix.text], check=True)
    assert make(built) == 0
    assert worst(found(built)).status is Status.PASS


@pytest.mark.parametrize("place", ["../moved", "examples/other", "deeper/down/here"])
def test_a_makefile_behind_a_link_fails_where_its_way_up_leads_astray(
    fresh: Path, place: str
) -> None:
    there = fresh / place
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(there, ignore_errors=True)
    (fresh / HERE).rename(there)
    (fresh / HERE).symlink_to(there)
    finding, made = worst(found(fresh)), make(fresh)
    assert (finding.status is Status.FAIL) is (made != 0)
    assert ("through a link" in finding.summary) is (place != "examples/other")
    shutil.rmtree(fresh.parent / "moved", ignore_errors=True)


@x86
def test_a_finished_program_of_another_machine_fails_although_make_says_up_to_date(
    built: Path,
) -> None:
    foreign(built / HERE / "demo")
    assert make(built) == 0
    finding = worst(found(built))
    assert (finding.status, finding.about) == (Status.FAIL, "demo")
    assert worst(found(built, program="other")).status is Status.PASS


class Crossing(LiveHost):
    """A host on which `cross-cc` compiles for AArch64; a real one is seldom there."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        answer = super().ask(question)
        if isinstance(question, Compile) and question.compiler == ("cross-cc",):
            assert isinstance(answer, Compiled)
            assert answer.object
            objects = msgspec.structs.replace(answer.object, machine="EM_AARCH64")
            return msgspec.structs.replace(answer, object=objects)
        return answer


@x86
def test_objects_of_the_machine_that_is_built_for_are_right(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path, "cross-cc", 'exec cc "$@"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CC", "cross-cc")
    without(built, "demo")
    assert "EM_X86_64, not for EM_AARCH64" in worst(found(built, host=Crossing)).summary
    foreign(built / HERE / ".output/demo.o")
    foreign(built / LIBRARY)
    assert worst(found(built, host=Crossing)).status is Status.PASS
    without(built, ".output/demo.o", ".output/demo.skel.h")  # bpftool is the builder's own still
    assert worst(found(built, host=Crossing)).status is Status.PASS


@x86
def test_a_foreign_bpftool_is_seen_without_running_it(built: Path) -> None:
    a_foreign_bpftool(built)
    emulated = any("qemu" in name for name in os.listdir("/proc/sys/fs/binfmt_misc"))
    wanted = Status.UNKNOWN if emulated else Status.FAIL
    assert worst(found(built, may_build=False)).status is wanted


def test_nothing_in_the_outputs_runs_before_a_build_is_asked_for(built: Path) -> None:
    a_bpftool_that_breaks(built)
    (built / TOOL).write_text(f"#!/bin/sh\ntouch {built}/ran\n")
    found(built, may_build=False)
    assert not (built / "ran").exists()
    assert worst(found(built)).status is Status.PASS  # it says nothing wrong
    assert (built / "ran").exists()


def test_a_fifo_in_the_outputs_does_not_block(built: Path) -> None:
    (built / HERE / ".output/demo.o").unlink()
    os.mkfifo(built / HERE / ".output/demo.o")
    without(built, "demo")
    assert "is no object file" in worst(found(built)).summary


@pytest.mark.parametrize("character", [*" \t\n:$%'\"\\;&()|<>`=", *"#~!,@+^[]{}*?é\u00a0"])
def test_a_path_fails_where_make_cannot_build_in_it(character: str, template: Path) -> None:
    above = template / f"a{character}b"
    tree = write_checkout(above / "tree")
    try:
        finding = worst(found(tree))
        assert (finding.status is Status.FAIL) is (make(tree) != 0)
        if finding.status is Status.FAIL:
            assert "make cannot build there" in finding.summary
            assert "rename" in finding.fixes[0].text
    finally:
        shutil.rmtree(above)
        shutil.rmtree(template / "ab", ignore_errors=True)  # what a shell made of it


def given_to(tree: Path, user: int) -> None:
    for path in (tree, *tree.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def belongs_to_root(*paths: Path) -> None:
    for path in paths:
        os.chown(path, 0, 0)


@pytest.fixture
def theirs(built: Path, needs: Callable[..., None]) -> Path:
    needs("root")
    given_to(built, NOBODY)
    return built


def test_what_its_owner_built_passes_and_names_him(theirs: Path) -> None:
    finding = worst(found(theirs))
    assert finding.status is Status.PASS
    assert "(uid 65534): " in finding.summary
    without(theirs, "demo", ".output/demo.o")
    assert worst(found(theirs)).status is Status.PASS
    assert make(theirs, NOBODY) == 0


def test_an_output_of_roots_fails_for_the_owner(theirs: Path) -> None:
    never_built(theirs)
    (theirs / HERE / ".output").mkdir()
    finding = one(found(theirs))
    assert finding.status is Status.FAIL
    assert make(theirs, NOBODY) != 0
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert fix.text.startswith("sudo chown -R ")
    subprocess.run(["sh", "-c", fix.text.removeprefix("sudo ")], check=True)
    assert worst(found(theirs)).status is Status.PASS
    assert make(theirs, NOBODY) == 0


def test_an_output_of_roots_in_which_all_is_built_warns(theirs: Path) -> None:
    belongs_to_root(theirs / HERE / ".output")
    finding = worst(found(theirs))
    assert finding.status is Status.WARN
    assert make(theirs, NOBODY) == 0
    without(theirs, "demo")
    assert worst(found(theirs)).status is Status.FAIL


def test_a_makefiles_directory_of_roots_fails(theirs: Path) -> None:
    belongs_to_root(theirs / HERE)
    without(theirs, "demo")
    assert "is not writable for" in worst(found(theirs)).summary
    assert make(theirs, NOBODY) != 0


def test_a_finished_bpftool_of_roots_is_used_and_needs_no_writing(theirs: Path) -> None:
    belongs_to_root(*(theirs / HERE / ".output/bpftool").rglob("*"), (theirs / TOOL).parents[1])
    without(theirs, "demo", ".output/demo.o", ".output/demo.skel.h")
    assert worst(found(theirs)).status is Status.PASS
    assert make(theirs, NOBODY) == 0
    never_built(theirs)
    (theirs / TOOL).parents[1].mkdir(parents=True)
    os.chown(theirs / HERE / ".output", NOBODY, NOBODY)
    assert ".output/bpftool is not writable" in worst(found(theirs)).summary
    assert make(theirs, NOBODY) != 0


@pytest.mark.parametrize("name", ["demo.bpf.o", "demo.tmp.bpf.o", "demo.skel.h"])
def test_a_file_of_roots_that_is_written_again_fails(theirs: Path, name: str) -> None:
    belongs_to_root(theirs / HERE / ".output" / name)
    assert worst(found(theirs)).status is Status.PASS
    os.utime(theirs / HERE / "demo.bpf.c")
    finding = worst(found(theirs))
    assert finding.status is Status.FAIL
    assert finding.about == "demo"
    assert make(theirs, NOBODY) != 0
    subprocess.run(["sh", "-c", finding.fixes[0].text], check=True)
    assert worst(found(theirs)).status is Status.PASS


def in_mounts(tree: Path, mounts: str) -> tuple[str, str, int]:
    """What the check and make say of a tree, with these mounts."""
    script = f'set -e; cd "$1"; {mounts}\ncd /; exec "$2" "$3" "$1"'
    argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
    helper = str(tiny_checkout.__file__)
    ended = subprocess.run(
        [*argv, str(tree), sys.executable, helper], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    status, summary, made = json.loads(ended.stdout)
    return status, summary, made


OVER = 'mount --bind "$1" "$1"; mount -o remount,bind,{} "$1"'
SMALL = f"mkdir -p {HERE}/.output; mount -t tmpfs -o {{}} tmpfs {HERE}/.output"
FULL = "mkdir t; mount -t tmpfs -o size=24k tmpfs t; "
FULL += "cp -a examples/c/* t; mount --bind t examples/c"
KEPT = f"cp -a {HERE}/.output o; {SMALL}; cp -a o/. {HERE}/.output"


@pytest.mark.parametrize(
    ("mounts", "status", "says"),
    [
        (OVER.format("ro"), "fail", "is mounted read-only"),
        (OVER.format("noexec"), "fail", "is mounted noexec"),
        (OVER.format("rw"), "pass", "is writable"),
        (SMALL.format("size=8k"), "fail", "bytes free at"),
        (SMALL.format("size=5m"), "pass", "is writable"),
        (SMALL.format("size=5m,nr_inodes=5"), "fail", "4 inodes free at"),
        (SMALL.format("size=5m,nr_inodes=90"), "pass", "is writable"),
        (f"{FULL}; {SMALL.format('size=5m')}", "fail", "bytes free at"),
    ],
)
def test_the_mount_decides(
    mounts: str, status: str, says: str, fresh: Path, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    said, summary, made = in_mounts(fresh, mounts)
    assert said == status, summary
    assert says in summary
    assert (made == 0) is (status == "pass")


@pytest.mark.parametrize(
    ("mounts", "status"), [(OVER.format("ro"), "warn"), (KEPT.format("size=300k"), "warn")]
)
def test_where_all_is_built_neither_writing_nor_room_is_needed(
    mounts: str, status: str, built: Path, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    said, summary, made = in_mounts(built, mounts)
    assert (said, made) == (status, 0), summary


def test_what_is_built_is_taken_off_the_room_that_a_build_takes(
    built: Path, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    without(built, "demo", ".output/demo.o")
    said, summary, made = in_mounts(built, KEPT.format("size=500k"))
    assert (said, made) == ("pass", 0), summary


def test_without_a_checkout_there_is_no_place_to_judge() -> None:
    assert run_check("checkout.build-directory", FakeHost()) == ()


def test_a_place_that_cannot_be_seen_is_unknown(tmp_path: Path) -> None:
    host = FakeHost(otherwise=NoAnswer("EACCES"))
    finding = one(run_check("checkout.build-directory", host, project(tmp_path)))
    assert finding.status is Status.UNKNOWN
    assert finding.fixes
    gone = one(found(tmp_path / "gone"))
    assert gone.status is Status.UNKNOWN
