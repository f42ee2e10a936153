"""What names BPF is found upwards to the git root and below in the index, and no further."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from bpfdoctor.host.catalog import decode, encode, to_answer, to_question
from bpfdoctor.host.git import bpf_search, bpf_signs, names_below
from bpfdoctor.host.git.bpf_signs import AskBpfSigns, BpfSigns
from bpfdoctor.host.git.common_places import CommonPlaces
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer

NAMES_BPF = "all:\n\tclang -target bpf -c x.c\n"
NOBODY = 65534
CLEAN = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(place: Path, *arguments: str) -> None:
    argv = ("git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run((*argv, *arguments), env=CLEAN, check=True, capture_output=True)


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def tracked(place: Path) -> Path:
    git(place, "init", "-q")
    git(place, "add", "-A")
    return place


def ask(place: Path | str, **environ: str) -> BpfSigns:
    machine = Machine({"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ})
    found = AskBpfSigns(str(place)).put(machine)
    assert isinstance(found, BpfSigns), found
    return found


def shown(place: Path | str, **environ: str) -> list[str]:
    found = ask(place, **environ)
    return [sign.shown() for sign in (*found.above, *found.below)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An empty directory, `tree`, beside which tests put what is not of it."""
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


# No sign


def test_a_web_project_with_a_makefile_gives_no_sign(tree: Path) -> None:
    write(tree / "Makefile", "build:\n\tnpm run build\n")
    write(tree / "package.json", '{"name": "libbpf"}')
    write(tree / "README.md", "not about libbpf")
    assert shown(tracked(tree)) == []


def test_a_go_module_that_another_module_brings_ebpf_along_gives_no_sign(tree: Path) -> None:
    write(tree / "go.mod", "module a.b/c\nrequire github.com/cilium/ebpf v0.16.0 // indirect\n")
    assert shown(tracked(tree)) == []


@pytest.mark.parametrize("with_git", [False, True])
def test_an_empty_directory_gives_no_sign(tree: Path, with_git: bool) -> None:
    if with_git:
        tracked(tree)
    found = ask(tree)
    assert (found.above, found.below, found.unseen, found.partial) == ((), (), (), False)
    assert (found.root, found.base) == (str(tree) if with_git else "", str(tree))


def test_a_makefile_that_mentions_bpf_in_a_comment_alone_gives_no_sign(tree: Path) -> None:
    write(tree / "Makefile", "# this is not for libbpf\nall:\n")
    assert shown(tree) == []


def test_a_file_of_another_name_gives_no_sign_whatever_it_says(tree: Path) -> None:
    for name in ("common.mk", "Makefile.am", "build.sh", "x.bpf.o", "Cargo.lock", ".bpf.c"):
        write(tree / name, NAMES_BPF + "libbpf")
        write(tree / "below" / name, NAMES_BPF + "libbpf")
    assert shown(tracked(tree)) == []


# Signs, at and above


def test_a_cargo_crate_with_aya_and_a_cmake_project_give_signs(tree: Path) -> None:
    write(tree / "rust/Cargo.toml", '[dependencies]\naya = "0.13"\n')
    write(tree / "cmake/CMakeLists.txt", "bpf_object(x x.bpf.c)\n")
    assert shown(tree / "rust") == ["Cargo.toml (aya)"]
    assert shown(tree / "cmake") == ["CMakeLists.txt (bpf_object)"]


def test_a_monorepo_gives_its_sign_at_the_root_and_none_beside_it(tree: Path) -> None:
    write(tree / "agent/ebpf/src/x.bpf.c")
    write(tree / "web/src/Makefile", "all:\n")
    tracked(tree)
    assert shown(tree) == ["agent/ebpf/src/x.bpf.c"]
    assert shown(tree / "agent") == ["agent/ebpf/src/x.bpf.c"]
    assert shown(tree / "web") == []
    assert ask(tree / "web").root == str(tree)


def test_signs_above_are_told_nearest_first_and_apart_from_those_below(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    write(tree / "part/x.bpf.c")
    write(tree / "part/Makefile", "LIBS = -lbpf\n")
    write(tree / "part/here/below/y.bpf.c")
    write(tree / "beside/z.bpf.c")
    found = ask(tracked(tree) / "part/here")
    above = [sign.shown() for sign in found.above]
    assert above == ["part/x.bpf.c", "part/Makefile (-lbpf)", "Makefile (target bpf)"]
    assert [sign.path for sign in found.below] == ["part/here/below/y.bpf.c"]
    assert found.place_of(found.above[1]) == str(tree / "part")
    assert found.place_of(found.above[2]) == str(tree)


def test_what_lies_above_the_git_root_is_of_another_tree(tree: Path) -> None:
    write(tree.parent / "Makefile", NAMES_BPF)
    tracked(tree)
    assert shown(tree) == []
    git(tree.parent, "init", "-q")
    assert shown(tree) == []


def test_without_git_what_lies_above_is_of_another_tree(tree: Path) -> None:
    write(tree.parent / "Makefile", NAMES_BPF)
    assert shown(tree) == []
    assert shown(tree.parent) == ["Makefile (target bpf)"]


def test_a_relative_directory_behind_a_link_is_looked_at_where_it_lies(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "part/Makefile", NAMES_BPF)
    (tree.parent / "link").symlink_to(tree / "part")
    monkeypatch.chdir(tree.parent)
    assert ask("link").directory == str(tree / "part")
    assert shown("link") == ["Makefile (target bpf)"]


def test_what_a_stranger_left_above_gives_no_sign(tree: Path, needs: Callable[..., None]) -> None:
    needs("root")
    write(tree / "Makefile", NAMES_BPF)
    write(tree / "x.bpf.c")
    mine = tracked(tree) / "mine"
    mine.mkdir()
    for name in ("Makefile", "x.bpf.c"):
        os.chown(tree / name, 12345, 12345)
    assert shown(mine) == []
    assert shown(tree) == ["x.bpf.c", "Makefile (target bpf)"]
    os.chown(tree / "Makefile", 0, 0)
    assert shown(mine) == ["Makefile (target bpf)"]


def test_what_is_roots_or_our_own_above_is_no_strangers(
    needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("root")
    with tempfile.TemporaryDirectory() as made:  # pytest's own are shut to other users
        tree = Path(made)
        tree.chmod(0o755)
        write(tree / "Makefile", NAMES_BPF)
        git(tree, "init", "-q")
        (tree / "mine").mkdir()
        os.chown(tree / "mine", NOBODY, NOBODY)
        assert shown(tree / "mine") == ["Makefile (target bpf)"]
        os.chown(tree / "Makefile", 12345, 12345)
        assert shown(tree / "mine") == []
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        assert shown(tree / "mine") == ["Makefile (target bpf)"]
        os.chown(tree / "Makefile", 0, 0)
        assert shown(tree / "mine") == ["Makefile (target bpf)"]


def test_a_source_above_whose_link_leads_nowhere_is_nobodys(tree: Path) -> None:
    (tree / "x.bpf.c").symlink_to("nowhere")
    (tracked(tree) / "here").mkdir()
    assert shown(tree / "here") == []


def test_so_many_entries_of_a_directory_are_looked_at(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "x.bpf.c")
    write(tree / "y.bpf.c")
    monkeypatch.setattr(bpf_search, "LISTED", 2)
    assert (len(ask(tree).above), ask(tree).partial) == (2, False)
    monkeypatch.setattr(bpf_search, "LISTED", 1)
    assert (len(ask(tree).above), ask(tree).partial) == (1, True)


def test_a_build_file_is_told_beside_many_sources(tree: Path) -> None:
    for name in range(9):
        write(tree / f"x{name}.bpf.c")
    write(tree / "Makefile", NAMES_BPF)
    sources = [f"x{name}.bpf.c" for name in range(bpf_search.SOURCES)]
    assert shown(tree) == [*sources, "Makefile (target bpf)"]


# Below


def test_with_git_what_is_not_tracked_is_not_of_the_tree(tree: Path) -> None:
    write(tree / ".gitignore", "vendored\n")
    write(tree / "vendored/x.bpf.c")
    tracked(tree)
    write(tree / "later/y.bpf.c")
    assert shown(tree) == []
    git(tree, "add", "-A")
    assert shown(tree) == ["later/y.bpf.c"]


def test_a_source_that_is_not_tracked_yet_is_seen_where_one_stands(tree: Path) -> None:
    tracked(tree)
    write(tree / "x.bpf.c")
    assert shown(tree) == ["x.bpf.c"]


def test_files_of_a_submodule_are_none_of_the_tree(tree: Path) -> None:
    write(tree.parent / "part/x.bpf.c")
    tracked(tree.parent / "part")
    git(tree.parent / "part", "commit", "-qm", "first")
    git(tracked(tree), "-c", "protocol.file.allow=always", "submodule", "add", "../part", "part")
    assert shown(tree) == []
    assert shown(tree / "part") == ["x.bpf.c"]


def test_without_git_two_levels_below_are_looked_at_and_not_three(tree: Path) -> None:
    write(tree / "one/two/three/x.bpf.c")
    write(tree / "one/two/Makefile", "all:\n")
    assert shown(tree) == []
    assert shown(tree / "one") == ["two/three/x.bpf.c"]
    write(tree / "one/two/y.bpf.c")
    assert shown(tree) == ["one/two/y.bpf.c"]


def test_a_directory_of_many_clones_is_not_the_tree_of_each(tree: Path) -> None:
    write(tree / "clone/x.bpf.c")
    tracked(tree / "clone")
    assert shown(tree) == []
    assert shown(tree / "clone") == ["x.bpf.c"]


def test_a_walk_follows_no_link(tree: Path) -> None:
    write(tree.parent / "outside/x.bpf.c")
    (tree / "link").symlink_to(tree.parent / "outside")
    (tree / "itself").symlink_to(".")
    assert shown(tree) == []


def test_signs_below_are_told_nearest_first_and_not_without_end(tree: Path) -> None:
    for name in range(20):
        write(tree / f"deep/er/x{name:02}.bpf.c")
    write(tree / "zz/Makefile", NAMES_BPF)
    found = shown(tracked(tree))
    assert found[:2] == ["zz/Makefile (target bpf)", "deep/er/x00.bpf.c"]
    assert len(found) == bpf_search.SHOWN


def test_an_index_of_more_than_is_kept_of_an_output_is_looked_at_in_part(tree: Path) -> None:
    write(tree / "z/x.bpf.c")
    tracked(tree)
    empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    names = [f"100644 {empty}\t{n:04}{'/' + 'x' * 200}\n" for n in range(6000)]
    argv = ["git", "-C", str(tree), "update-index", "--index-info"]
    subprocess.run(argv, env=CLEAN, check=True, input="".join(names).encode())
    assert (shown(tree), ask(tree).partial) == ([], True)
    assert shown(tree / "z") == ["z/x.bpf.c"]


def test_a_walk_goes_to_no_other_file_system(tree: Path) -> None:
    (tree / "mount").mkdir()
    device = tree.stat().st_dev
    (entry,) = os.scandir(tree)
    assert names_below._enters(entry, device, CommonPlaces({}))
    assert not names_below._enters(entry, device + 1, CommonPlaces({}))


def test_where_git_refuses_the_tree_is_walked_and_not_its_repository(tree: Path) -> None:
    write(tree / "one/x.bpf.c")
    write(tree / ".git/hooks/y.bpf.c")
    assert shown(tree) == ["one/x.bpf.c"]
    assert ask(tree).root == str(tree)


def test_without_a_git_on_path_the_tree_is_walked(tree: Path) -> None:
    write(tree / "one/x.bpf.c")
    write(tree / "one/two/three/y.bpf.c")
    assert shown(tracked(tree), PATH="/nonexistent") == ["one/x.bpf.c"]


# Homes and places of the system


def test_a_home_gives_no_sign_and_is_not_walked(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    write(tree / "work/x.bpf.c")
    assert shown(tree, HOME=str(tree)) == []
    assert shown(tree / "work", HOME=str(tree)) == ["x.bpf.c"]
    assert shown(tree) == ["Makefile (target bpf)", "work/x.bpf.c"]


def test_a_home_below_is_not_walked(tree: Path) -> None:
    write(tree / "home/x.bpf.c")
    assert shown(tree, HOME=str(tree / "home")) == []
    assert shown(tree) == ["home/x.bpf.c"]


def test_a_repository_of_dotfiles_makes_no_tree_of_what_is_below_the_home(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    write(tree / "web/Makefile", "all:\n")
    write(tree / "bpf/x.bpf.c")
    tracked(tree)
    assert shown(tree, HOME=str(tree)) == []
    assert shown(tree / "web", HOME=str(tree)) == []
    assert ask(tree / "web", HOME=str(tree)).root == ""
    assert shown(tree / "bpf", HOME=str(tree)) == ["x.bpf.c"]


def test_a_home_that_is_named_through_a_link_is_one(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    (tree.parent / "link").symlink_to(tree)
    assert shown(tree, HOME=str(tree.parent / "link")) == []


@pytest.mark.parametrize("home", ["", ".", "relative", "a\0b", "/a\0b"])
def test_a_home_that_is_no_path_is_nobodys(
    tree: Path, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "Makefile", NAMES_BPF)
    monkeypatch.chdir(tree)
    assert not CommonPlaces({"HOME": home}).has(str(tree))


def test_a_directory_that_all_may_write_is_no_tree(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    write(tree / "mine/x.bpf.c")
    git(tree, "init", "-q")
    tree.chmod(0o1777)
    assert shown(tree) == []
    assert ask(tree / "mine").root == ""
    tree.chmod(0o777)
    assert shown(tree) == ["Makefile (target bpf)"]


@pytest.mark.parametrize(
    "place", ["/", "/usr", "/usr/src", "/usr/lib", "/tmp", "/etc", "/opt", "/home", "/var/lib"]
)
def test_a_directory_of_the_system_is_no_tree(place: str) -> None:
    assert CommonPlaces({}).has(place)
    assert shown(place) == []


@pytest.mark.parametrize(
    "place", ["/work", "/src", "/usr/src/app", "/opt/x", "/home/x/y", "/usr/x"]
)
def test_a_directory_of_ones_own_may_be_one(place: str) -> None:
    assert not CommonPlaces({}).has(place)


def test_the_home_of_whoever_owns_it_is_no_tree(
    tree: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("root")
    homes = {0: "/root", 12345: str(tree), 23456: str(tree)}
    monkeypatch.setattr("bpfdoctor.host.git.common_places.home_of", lambda uid: homes[uid])
    write(tree / "Makefile", NAMES_BPF)
    assert not CommonPlaces({}).has(str(tree))
    os.chown(tree, 12345, 12345)
    assert CommonPlaces({}).has(str(tree))
    os.chown(tree, 0, 0)
    monkeypatch.setattr(os, "geteuid", lambda: 23456)
    assert CommonPlaces({}).has(str(tree))


# Bad input


def test_a_tree_of_many_files_is_looked_at_as_far_as_the_limit(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in range(30_000):
        (tree / f"f{name:05}").touch()
    write(tree / "z/x.bpf.c")
    tracked(tree)
    found = ask(tree)
    assert (found.below, found.partial) == ((), True)
    monkeypatch.setattr(names_below, "NAMES", 30_001)
    monkeypatch.setattr(bpf_search, "LISTED", 30_002)
    found = ask(tree)
    assert ([sign.path for sign in found.below], found.partial) == (["z/x.bpf.c"], False)
    monkeypatch.setattr(names_below, "NAMES", 30_000)
    found = ask(tree)
    assert (found.below, found.partial) == ((), True)


def test_a_walk_ends_at_its_limit_and_says_so(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        write(tree / f"{name}/x.bpf.c")
    monkeypatch.setattr(names_below, "ENTRIES", 6)
    assert (len(ask(tree).below), ask(tree).partial) == (3, False)
    monkeypatch.setattr(names_below, "ENTRIES", 5)
    assert (len(ask(tree).below), ask(tree).partial) == (2, True)
    monkeypatch.setattr(names_below, "ENTRIES", 2)
    assert (len(ask(tree).below), ask(tree).partial) == (0, True)


def test_so_many_build_files_are_read_and_no_more(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "a/Makefile", "all:\n")
    write(tree / "b/Makefile", NAMES_BPF)
    monkeypatch.setattr(bpf_search, "READ", 2)
    assert (shown(tree), ask(tree).partial) == (["b/Makefile (target bpf)"], False)
    monkeypatch.setattr(bpf_search, "READ", 1)
    assert (shown(tree), ask(tree).partial) == ([], True)
    monkeypatch.setattr(bpf_search, "READ", 2)
    monkeypatch.setattr(bpf_search, "SECONDS", -1)
    assert (shown(tree), ask(tree).partial) == ([], True)


@pytest.mark.parametrize(
    ("before", "seen"), [(0, True), (9, True), (1 << 20, False), (10**7, False)]
)
def test_a_large_makefile_is_read_as_far_as_the_limit(tree: Path, before: int, seen: bool) -> None:
    write(tree / "Makefile", "x" * (before - 1) + "\n" * bool(before) + NAMES_BPF)
    found = ask(tree)
    assert (bool(found.above), found.partial) == (seen, not seen)


@pytest.mark.parametrize("place", ["", "below"])
def test_what_is_no_file_is_not_waited_for(tree: Path, place: str) -> None:
    (tree / place).mkdir(exist_ok=True)
    os.mkfifo(tree / place / "Makefile")
    os.mkfifo(tree / place / "go.mod")
    (tree / place / "Cargo.toml").mkdir()
    (tree / place / "meson.build").symlink_to("/dev/zero")
    (tree / place / "CMakeLists.txt").symlink_to("nowhere")
    assert (shown(tree), ask(tree).unseen) == ([], ())


def test_a_link_to_itself_is_said_to_be_unseen(tree: Path) -> None:
    (tree / "Makefile").symlink_to("Makefile")
    assert (shown(tree), ask(tree).unseen) == ([], ("Makefile",))
    assert "Makefile: cannot be read" in ask(tree).shown()


def test_a_makefile_behind_a_link_is_read(tree: Path) -> None:
    write(tree / "real.mk", NAMES_BPF)
    (tree / "Makefile").symlink_to("real.mk")
    assert shown(tree) == ["Makefile (target bpf)"]


def test_a_tracked_file_that_is_gone_takes_nothing_with_it(tree: Path) -> None:
    write(tree / "a/Makefile", NAMES_BPF)
    write(tree / "b/Makefile", NAMES_BPF)
    tracked(tree)
    (tree / "a/Makefile").unlink()
    (tree / "a").rmdir()
    assert (shown(tree), ask(tree).unseen) == (["b/Makefile (target bpf)"], ())


def test_names_that_are_no_text_do_no_harm(tree: Path) -> None:
    write(tree / os.fsdecode(b"\xff/x\xfe.bpf.c"))
    write(tree / "new\nline/y.bpf.c")
    tracked(tree)
    assert sorted(shown(tree)) == ["\\xff/x\\xfe.bpf.c", "new\nline/y.bpf.c"]


@pytest.mark.parametrize("place", ["absent", "file", "a\0b"])
def test_a_directory_that_cannot_be_looked_at_has_no_answer(tree: Path, place: str) -> None:
    write(tree / "file")
    answer = AskBpfSigns(f"{tree}/{place}").put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.absent or "\0" in place


def test_a_directory_that_vanishes_has_no_answer(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "gone").mkdir()

    def vanish(self: CommonPlaces, place: str) -> bool:
        Path(place).rmdir()
        return False

    monkeypatch.setattr(CommonPlaces, "has", vanish)
    answer = AskBpfSigns(str(tree / "gone")).put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.absent


def test_as_root_a_tree_is_read_as_its_owner(needs: Callable[..., None]) -> None:
    needs("root")
    with tempfile.TemporaryDirectory() as made:  # pytest's own are shut to other users
        tree = Path(made)
        write(tree / "Makefile", NAMES_BPF).chmod(0o600)
        write(tree / "shut/x.bpf.c")
        (tree / "shut").chmod(0o700)
        os.chown(tree, NOBODY, NOBODY)
        found = ask(tree)
        assert (found.above, found.below, found.unseen) == ((), (), ("Makefile", "shut"))
        os.chown(tree / "Makefile", NOBODY, NOBODY)
        assert shown(tree) == ["Makefile (target bpf)"]


def test_where_root_may_not_become_the_owner_there_is_no_answer(
    tree: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("root")

    def refused(path: str) -> NoReturn:
        raise PermissionError(errno.EPERM, "cannot act as that user")

    monkeypatch.setattr(bpf_signs, "as_owner_of", refused)
    answer = AskBpfSigns(str(tree)).put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "EPERM"


def test_nothing_that_a_tree_names_is_run(tree: Path) -> None:
    write(tree / "one/x.bpf.c")
    program = write(tree.parent / "program", f"#!/bin/sh\ntouch {tree.parent}/marker\n")
    program.chmod(0o755)
    tracked(tree)
    for key in ("core.fsmonitor", "core.pager", "pager.ls-files", "alias.ls-files"):
        git(tree, "config", key, f"!{program}" if key.startswith("alias") else str(program))
    assert shown(tree) == ["one/x.bpf.c"]
    assert not (tree.parent / "marker").exists()


def test_question_and_answer_survive_a_snapshot(tree: Path) -> None:
    write(tree / "Makefile", NAMES_BPF)
    question, answer = AskBpfSigns(str(tree)), ask(tree)
    assert to_question(decode(encode(question))) == question
    assert to_answer(question, decode(encode(answer))) == answer
    assert answer.shown() == "Makefile (target bpf)"
    assert not answer.cut()
    assert BpfSigns("/x").shown() == "(none)"
