"""git is asked about untrusted trees, and nothing that a tree names is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bpfdoctor.host.git.gitmodules import entries_of, path_refused, settings_of, url_refused
from bpfdoctor.host.git.plumbing import Refusal, ask_git
from bpfdoctor.host.git.settings import names_a_program, programs_named
from bpfdoctor.host.git.submodules import MOST, AskSubmodules, Submodules
from bpfdoctor.host.git.worktree import compare, tracked_files
from bpfdoctor.host.machine import Machine

CLEAN = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}
OURS = ("-c", "protocol.file.allow=always", "-c", "user.name=t", "-c", "user.email=t@example.org")


def git(place: Path, *arguments: str, check: bool = True) -> bytes:
    argv = ["git", "-C", str(place), *OURS, *arguments]
    return subprocess.run(argv, env=CLEAN, check=check, capture_output=True).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with one submodule, `part`, both with one file."""
    for name in ("part", "whole"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q", "-b", "master")
        (tmp_path / name / "file.c").write_text("int a;\n")
        git(tmp_path / name, "add", "-A")
        git(tmp_path / name, "commit", "-qm", "first")
    git(tmp_path / "whole", "submodule", "--quiet", "add", f"file://{tmp_path}/part", "part")
    git(tmp_path / "whole", "commit", "-qm", "with part")
    return tmp_path / "whole"


@pytest.fixture
def trap(tree: Path, tmp_path: Path) -> Path:
    """Every setting and hook that we know to run a program does: each writes the marker."""
    marker, program = tmp_path / "marker", tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >>{marker}\ncat\n')
    program.chmod(0o755)
    for place in (tree, tree / "part"):
        settings = {
            "filter.evil.clean": str(program),
            "filter.evil.smudge": str(program),
            "core.fsmonitor": str(program),
            "core.sshCommand": str(program),
            "core.pager": str(program),
            "core.editor": str(program),
            "core.askPass": str(program),
            "core.gitProxy": str(program),
            "core.alternateRefsCommand": str(program),
            "credential.helper": f"!{program}",
            "diff.external": str(program),
            "diff.evil.textconv": str(program),
            "pager.ls-files": str(program),
            "pager.config": str(program),
            "alias.ls-files": f"!{program}",
            "alias.rev-parse": f"!{program}",
            "submodule.part.update": f"!{program}",
            "gpg.program": str(program),
            "uploadpack.packObjectsHook": str(program),
            "remote.origin.uploadpack": str(program),
        }
        for key, value in settings.items():
            git(place, "config", key, value)
        directory = Path(git(place, "rev-parse", "--absolute-git-dir").decode().strip())
        hooks = (
            "post-index-change",
            "post-checkout",
            "fsmonitor-watchman",
            "reference-transaction",
        )
        for hook in hooks:
            (directory / "hooks").mkdir(exist_ok=True)
            shutil.copy(program, directory / "hooks" / hook)
        (directory / "info").mkdir(exist_ok=True)
        (directory / "info/attributes").write_text("* filter=evil diff=evil\n")
        os.utime(place / "file.c", (1, 1))  # git must now look at the content, through the filter
    marker.unlink(missing_ok=True)
    return marker


def test_the_trap_is_real_and_our_questions_do_not_spring_it(tree: Path, trap: Path) -> None:
    answer = AskSubmodules(str(tree)).put(Machine())
    assert isinstance(answer, Submodules)
    (part,) = answer.found
    assert part.commit == part.pinned != ""
    assert (part.changed, part.absent, part.tracked) == (0, 0, 1)
    assert not trap.exists(), trap.read_text()
    git(tree, "status", check=False)
    assert "program" in trap.read_text()


def test_the_settings_that_name_programs_are_told(tree: Path, trap: Path) -> None:
    named = programs_named(Machine(), str(tree))
    assert not isinstance(named, Refusal)
    assert {"filter.evil.clean", "core.fsmonitor", "submodule.part.update"} <= set(named)
    assert "core.bare" not in named


def test_a_plain_repository_names_no_programs(tree: Path) -> None:
    assert programs_named(Machine(), str(tree)) == ()


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("core.fsmonitor\ntrue", False),
        ("core.fsmonitor\n/tmp/x", True),
        ("submodule.a.update\nrebase", False),
        ("submodule.a.update\n!x", True),
        ("remote.origin.url\nhttps://example.org/a", False),
        ("remote.origin.url\next::sh -c x", True),
        ("filter.lfs.process\ngit-lfs filter-process", True),
        ("include.path\n/tmp/more", True),
        ("core.bare\nfalse", False),
    ],
)
def test_a_setting_names_a_program(setting: str, named: bool) -> None:
    assert names_a_program(setting) is named


def test_a_partial_clone_does_not_fetch_what_is_missing(tree: Path, tmp_path: Path) -> None:
    marker, program = tmp_path / "marker", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho >>{marker}\nexit 1\n")
    program.chmod(0o755)
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": "ssh://nowhere.invalid/x",
        "core.sshCommand": str(program),
        "protocol.ssh.allow": "always",
    }.items():
        git(tree, "config", key, value)
    missing = "1234567890" * 4
    assert isinstance(ask_git(Machine(), str(tree), "cat-file", "-p", missing), Refusal)
    assert not marker.exists()
    git(tree, "cat-file", "-p", missing, check=False)
    assert marker.exists()


def test_the_repository_around_a_directory_is_not_asked(tree: Path) -> None:
    (tree / "inside").mkdir()
    answer = ask_git(Machine(), str(tree / "inside"), "rev-parse", "HEAD")
    assert isinstance(answer, Refusal)
    assert answer.trouble == "not-a-repository"


def test_without_git_that_is_what_is_said(tree: Path, tmp_path: Path) -> None:
    answer = ask_git(Machine({"PATH": str(tmp_path)}), str(tree), "rev-parse", "HEAD")
    assert isinstance(answer, Refusal)
    assert answer.trouble == "absent"


def test_a_root_who_cannot_become_the_owner_does_not_run_git(
    tree: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    subprocess.run(["chown", "-R", "12345:12345", str(tree)], check=True)
    machine = Machine()

    def refused(*arguments: object, **options: object) -> None:
        assert options["identity"] is not None
        raise PermissionError(1, "Operation not permitted")

    machine.run = refused  # type: ignore[assignment]
    answer = ask_git(machine, str(tree), "rev-parse", "HEAD")
    assert isinstance(answer, Refusal)
    assert answer.trouble == "cannot-become-owner"
    assert "12345" in answer.detail


def listed(tree: Path) -> bytes:
    return git(tree, "ls-files", "--stage", "--debug", "-z")


def test_git_still_prints_sizes_and_times_as_they_are_read(tree: Path) -> None:
    files = {file.path: file for file in tracked_files(listed(tree))}
    assert set(files) == {b"file.c", b".gitmodules", b"part"}
    facts = (tree / "file.c").stat()
    assert files[b"file.c"].size == facts.st_size
    assert files[b"file.c"].mtime_ns == facts.st_mtime_ns


def test_links_fifos_and_directories_in_a_files_place_are_changes(tree: Path) -> None:
    (tree / "link").symlink_to("file.c")
    for name in ("fifo", "directory", "same"):
        (tree / name).write_text(name)
    git(tree, "add", "-A")
    os.utime(tree / "link", (1, 1), follow_symlinks=False)
    os.utime(tree / "same", (1, 1))
    for name in ("fifo", "directory"):
        (tree / name).unlink()
    os.mkfifo(tree / "fifo")
    (tree / "directory").mkdir()
    seen = compare(str(tree), tracked_files(listed(tree)))
    assert set(seen.changed) == {b"fifo", b"directory"}
    assert seen.absent == ()


def test_a_sparse_checkout_lacks_files_on_purpose(tree: Path) -> None:
    git(tree, "update-index", "--skip-worktree", "file.c")
    (tree / "file.c").unlink()
    seen = compare(str(tree), tracked_files(listed(tree)))
    assert (seen.absent, seen.changed) == ((), ())


def test_content_is_compared_in_a_sha256_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    (tmp_path / "a").write_text("a\n")
    git(tmp_path, "add", "a")
    os.utime(tmp_path / "a", (1, 1))
    assert compare(str(tmp_path), tracked_files(listed(tmp_path))).changed == ()


TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=30)


@given(name=TEXT.filter(lambda t: "\n" not in t), path=TEXT.filter(str.strip), url=TEXT)
def test_gitmodules_reads_as_git_writes_it(name: str, path: str, url: str) -> None:
    def quoted(text: str) -> str:
        for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
            text = text.replace(plain, escaped)
        return text

    text = f'# a comment\n[submodule "{name_in_header(name)}"]\n'
    text += f'\tpath = "{quoted(path)}" ; why\n\turl="{quoted(url)}"\n[core]\n\tpath = no\n'
    (entry,) = entries_of(text)
    assert (entry.name, entry.path, entry.url) == (name, path, url)


def name_in_header(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


@pytest.mark.parametrize(
    "text",
    [
        '[submodule "a"]\n\tpath = x y  # said\n\turl = https://example.org/"a b" c\n',
        '[submodule "a.b \\"c\\""] path = one\\\ntwo\n',
        '[Submodule "a"]\nPATH=a;b\n\tbare\n[core]\n\tx = y\n[submodule]\n\tpath = none\n',
        '[submodule "a"]\n\tpath = a\n\tpath = b\n',
    ],
)
def test_gitmodules_reads_as_git_reads_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    listing = git(tmp_path, "config", "-f", "file", "--list", "-z").decode()
    theirs = []
    for setting in filter(None, listing.split("\0")):
        key, _, value = setting.partition("\n")
        section, _, rest = key.partition(".")
        name, _, last = rest.rpartition(".")
        if section == "submodule" and name:
            theirs.append((name, last, value))
    assert [each for each in settings_of(text) if each[0]] == theirs


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for entry in entries_of(text):
        assert entry.path


@pytest.mark.parametrize("path", ["libbpf", "a/b.c", "vmlinux.h", "mit leer", "…"])
def test_an_honest_path_is_followed(path: str) -> None:
    assert path_refused(path) == ""


@pytest.mark.parametrize(
    "path", ["../a", "a/../../b", "/a", "a/.git/b", ".GIT", "a//b", "a\nb", "-a", "./a", "a\x1b[0m"]
)
def test_a_dishonest_path_is_not(path: str) -> None:
    assert path_refused(path) != ""


def test_urls_that_run_programs_are_refused_and_others_are_not() -> None:
    assert url_refused("ext::sh -c x")
    assert url_refused("-x")
    assert not url_refused("https://github.com/libbpf/libbpf.git")
    assert not url_refused("../libbpf.git")
    assert not url_refused("git@github.com:libbpf/libbpf.git")


def test_a_fifo_in_the_place_of_the_index_keeps_git_from_being_asked(
    tree: Path, tmp_path: Path
) -> None:
    (tree / ".git" / "index").unlink()
    os.mkfifo(tree / ".git" / "index")
    machine = Machine({**CLEAN, "PATH": str(hanging_git(tmp_path, "ls-files", tree))})
    answer = AskSubmodules(str(tree)).put(machine)
    assert isinstance(answer, Submodules)
    assert (answer.trouble, "index is not a regular file" in answer.detail) == ("broken", True)


def hanging_git(tmp_path: Path, word: str, place: Path) -> Path:
    """A PATH with a git that never ends when it is asked that there, and is git otherwise."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "git"
    real = shutil.which("git")
    asked = f'case " $* " in *" -C {place} "*"{word} "*) exec sleep 1000;; esac'
    tool.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]}\n{asked}\nexec {real} "$@"\n')
    tool.chmod(0o755)
    return tool.parent


def test_once_git_hangs_about_one_submodule_it_is_asked_about_no_other(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["later", "last"]
    for name in names:
        git(tree, "submodule", "--quiet", "add", f"file://{tmp_path}/part", name)
    monkeypatch.setattr("bpfdoctor.host.git.plumbing.TIME_LIMIT", 0.5)
    path = hanging_git(tmp_path, "ls-files", tree / "part")
    answer = AskSubmodules(str(tree)).put(Machine({**CLEAN, "PATH": str(path)}))
    assert isinstance(answer, Submodules)
    others = answer.found[1:]
    assert [each.path for each in others] == names
    assert [each.trouble for each in answer.found] == ["timed-out"] * 3
    assert {each.unknown for each in others} == {"git did not answer in time about part"}
    assert all(each.pinned and not each.unwritten for each in answer.found)


def test_submodules_behind_those_that_take_too_long_are_not_asked_about(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpfdoctor.host.git.submodules.SECONDS", -1.0)
    answer = AskSubmodules(str(tree)).put(Machine(CLEAN))
    assert isinstance(answer, Submodules)
    assert [(each.trouble, each.commit) for each in answer.found] == [("timed-out", "")]


@pytest.mark.parametrize(("more", "told"), [(-1, False), (0, True)])
def test_what_is_named_beyond_those_that_are_looked_at_is_told(
    tmp_path: Path, more: int, told: bool
) -> None:
    sections = (f'[submodule "{n}"]\n\tpath = s{n}\n' for n in range(MOST + 1 + more))
    (tmp_path / ".gitmodules").write_text("".join(sections))
    answer = AskSubmodules(str(tmp_path)).put(Machine(CLEAN))
    assert isinstance(answer, Submodules)
    assert (len(answer.found), bool(answer.more), answer.cut()) == (MOST, told, told)


def test_names_beyond_what_is_read_of_gitmodules_are_told(tmp_path: Path) -> None:
    text = '[submodule "part"]\n\tpath = part\n'
    (tmp_path / ".gitmodules").write_text(text + "#" * (1 << 20))
    answer = AskSubmodules(str(tmp_path)).put(Machine(CLEAN))
    assert isinstance(answer, Submodules)
    assert [each.path for each in answer.found] == ["part"]
    assert "longer than" in answer.more


def test_an_index_longer_than_is_read_is_not_compared_in_part(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpfdoctor.host.git.inspect.OUTPUT_LIMIT", 1)
    answer = AskSubmodules(str(tree)).put(Machine(CLEAN))
    assert isinstance(answer, Submodules)
    assert [(each.trouble, each.tracked) for each in answer.found] == [("broken", 0)]


def test_an_index_that_names_any_depth_is_compared(tmp_path: Path) -> None:
    deep = b"/".join([b"d"] * 2000) + b"/file.c"
    listing = b"100644 " + b"0" * 40 + b" 0\t" + deep + b"\0"
    assert compare(str(tmp_path), tracked_files(listing)).tracked == 1
