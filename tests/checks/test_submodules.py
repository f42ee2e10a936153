"""Checkouts broken in every way that we know, made with real git, and hostile ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.api import ByHand, Finding, Install, Run, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.record import RecordedHost, RecordingHost, Snapshot, read_snapshot
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import Tool
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.testing import run_check

CHECKS = ("checkout.project", "checkout.submodules", "checkout.vmlinux-h", "checkout.libc")
ALL = {"libbpf", "bpftool", "bpftool/libbpf", "vmlinux.h"}
CLEAN = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}
OURS = ("-c", "protocol.file.allow=always", "-c", "user.name=t", "-c", "user.email=t@example.org")


def git(place: Path, *arguments: str) -> str:
    """Run real git in `place`; its standard output."""
    argv = ["git", "-C", str(place), *OURS, *arguments]
    return subprocess.run(argv, env=CLEAN, check=True, capture_output=True, text=True).stdout


def write(place: Path, name: str, text: str) -> None:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def commit(place: Path, files: dict[str, str], message: str = "more") -> str:
    for name, text in files.items():
        write(place, name, text)
    git(place, "add", "-A")
    git(place, "commit", "-qm", message)
    return git(place, "rev-parse", "HEAD").strip()


def repository(place: Path, files: dict[str, str], modules: dict[str, Path]) -> Path:
    place.mkdir(parents=True)
    git(place, "init", "-q", "-b", "master")
    for name, source in modules.items():
        git(place, "submodule", "--quiet", "add", f"file://{source}", name)
    commit(place, files)
    return place


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repositories in libbpf-bootstrap's shape; `libbpf` has the branches `one` and `other`."""
    place = tmp_path_factory.mktemp("origin")
    libbpf = repository(place / "libbpf", {"src/libbpf.c": "int a;\n", "README": "libbpf\n"}, {})
    for branch in ("one", "other"):
        git(libbpf, "checkout", "-qb", branch, "master")
        commit(libbpf, {"src/libbpf.c": f"int {branch};\n"})
    git(libbpf, "checkout", "-q", "master")
    headers = repository(place / "headers", {"include/x86/vmlinux.h": "// __VMLINUX_H__\n"}, {})
    bpftool = repository(place / "bpftool", {"src/main.c": "int b;\n"}, {"libbpf": libbpf})
    modules = {"libbpf": libbpf, "bpftool": bpftool, "vmlinux.h": headers}
    makefile = "APPS = minimal\nUSED = ../../libbpf/src ../../bpftool/src\n"
    files = {"examples/c/Makefile": makefile, "examples/c/minimal.bpf.c": "\n"}
    repository(place / "project", files, modules)
    return place


@pytest.fixture(scope="module")
def cloned(origin: Path) -> Path:
    git(origin, "clone", "-q", "--recurse-submodules", f"file://{origin}/project", "cloned")
    return origin / "cloned"


@pytest.fixture
def checkout(cloned: Path, tmp_path: Path) -> Path:
    """A checkout with everything in it, to be broken."""
    return Path(shutil.copytree(cloned, tmp_path / "checkout", symlinks=True))


def judge(checkout: Path, path: str | None = None) -> dict[str, Finding]:
    """The findings by submodule; with `path`, under that PATH alone."""
    machine = Machine({**os.environ, **({} if path is None else {"PATH": path})})
    host = LiveHost(machine)
    project = find_project(host, str(checkout))
    assert project is not None
    return {finding.about: finding for finding in run_check("checkout.submodules", host, project)}


def statuses(found: dict[str, Finding]) -> dict[str, Status]:
    return {about: finding.status for about, finding in found.items()}


def otherwise_passing(found: dict[str, Finding], *but: str) -> None:
    """Everything passes but these; nothing is left out."""
    assert set(found) | set(but) >= ALL
    rest = {about: status for about, status in statuses(found).items() if about not in but}
    assert set(rest.values()) <= {Status.PASS}, rest


def apply(fix: object) -> None:
    """Run a fix as it is printed; the repositories here are local, which git must be told."""
    assert isinstance(fix, Run)
    assert fix.argv[0] == "git"
    argv = ["git", *OURS, *fix.argv[1:]]
    subprocess.run(argv, env=CLEAN, check=True, capture_output=True)


def empty(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.mkdir()


def test_an_intact_checkout_passes_with_the_commit_of_each(checkout: Path) -> None:
    found = judge(checkout)
    assert statuses(found) == dict.fromkeys(ALL, Status.PASS)
    head = git(checkout / "libbpf", "rev-parse", "HEAD")
    assert head[:12] in found["libbpf"].summary


def test_a_clone_without_submodules_fails_for_each_and_skips_the_nested(
    origin: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", f"file://{origin}/project", "plain")
    found = judge(tmp_path / "plain")
    assert found.pop("bpftool/libbpf").blocked_by == ("checkout.submodules[bpftool]",)
    assert set(statuses(found).values()) == {Status.FAIL}
    apply(found["libbpf"].fixes[0])
    assert set(statuses(judge(tmp_path / "plain")).values()) == {Status.PASS}


@pytest.mark.parametrize("how", [shutil.rmtree, empty])
def test_one_submodule_without_files_is_the_one_fail_and_its_fix_brings_it_back(
    checkout: Path, how: Callable[[Path], None]
) -> None:
    how(checkout / "libbpf")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.FAIL
    (fix,) = found["libbpf"].fixes
    assert isinstance(fix, Run)
    assert fix.argv == (
        *("git", "-C", str(checkout), "submodule", "update", "--init", "--recursive"),
    )
    apply(fix)
    assert judge(checkout)["libbpf"].status is Status.PASS


def test_an_empty_bpftool_is_one_fail_and_its_own_libbpf_a_skip(checkout: Path) -> None:
    empty(checkout / "bpftool")
    found = judge(checkout)
    otherwise_passing(found, "bpftool", "bpftool/libbpf")
    assert found["bpftool"].status is Status.FAIL
    assert found["bpftool/libbpf"].status is Status.SKIP


def test_an_empty_nested_submodule_is_the_one_fail(checkout: Path) -> None:
    empty(checkout / "bpftool/libbpf")
    found = judge(checkout)
    otherwise_passing(found, "bpftool/libbpf")
    assert found["bpftool/libbpf"].status is Status.FAIL
    apply(found["bpftool/libbpf"].fixes[0])
    assert judge(checkout)["bpftool/libbpf"].status is Status.PASS


def test_a_merge_that_left_two_commits_is_a_conflict(checkout: Path) -> None:
    for branch in ("one", "other"):
        git(checkout, "checkout", "-qb", branch, "master")
        git(checkout / "libbpf", "checkout", "-q", f"origin/{branch}")
        commit(checkout, {}, branch)
    with pytest.raises(subprocess.CalledProcessError):
        git(checkout, "merge", "one")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.FAIL
    assert "conflict" in found["libbpf"].summary


def test_another_commit_than_the_pinned_one_is_a_warning_naming_both(checkout: Path) -> None:
    git(checkout / "libbpf", "checkout", "-q", "origin/one")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.WARN
    pinned = git(checkout, "rev-parse", "HEAD:libbpf")
    assert pinned[:12] in found["libbpf"].summary
    apply(found["libbpf"].fixes[0])
    assert judge(checkout)["libbpf"].status is Status.PASS


def test_a_changed_file_of_the_same_size_is_a_warning_naming_it(checkout: Path) -> None:
    write(checkout, "libbpf/src/libbpf.c", "int z;\n")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.WARN
    assert "src/libbpf.c" in found["libbpf"].summary


def test_a_file_with_another_time_and_the_same_content_is_no_change(checkout: Path) -> None:
    os.utime(checkout / "libbpf/src/libbpf.c", (1, 1))
    assert judge(checkout)["libbpf"].status is Status.PASS


def test_a_shallow_submodule_is_a_warning(origin: Path, tmp_path: Path) -> None:
    options = ("-q", "--recurse-submodules", "--shallow-submodules")
    git(tmp_path, "clone", *options, f"file://{origin}/project", "shallow")
    git(origin / "libbpf", "rev-parse", "HEAD")
    found = judge(tmp_path / "shallow")
    assert found["bpftool"].status is Status.WARN
    assert "shallow" in found["bpftool"].summary


def test_a_submodule_with_some_files_gone_is_half_updated(checkout: Path) -> None:
    (checkout / "libbpf/README").unlink()
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.WARN
    assert "absent: 1 of 2 files" in found["libbpf"].summary
    apply(found["libbpf"].fixes[0])
    assert judge(checkout)["libbpf"].status is Status.PASS


def test_files_gone_beside_one_that_cannot_be_compared_are_for_a_person_to_judge(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than is read of one checkout: `git checkout -- .` might undo a change in it."""
    monkeypatch.setattr("bpfdoctor.host.git.worktree.READ_LIMIT", 0)
    os.utime(checkout / "libbpf/src/libbpf.c", (1, 1))
    assert judge(checkout)["libbpf"].fixes == ()
    (checkout / "libbpf/README").unlink()
    found = judge(checkout)["libbpf"]
    assert "absent: 1 of 2 files (half updated); 1 files were not compared" in found.summary
    (fix,) = found.fixes
    assert isinstance(fix, ByHand)
    assert fix.text.endswith(f"git -C {checkout}/libbpf diff")


@pytest.mark.parametrize("left", [(), ("leftover.o",)])
def test_a_submodule_with_its_git_and_no_file_fails_and_the_fix_writes_them(
    checkout: Path, left: tuple[str, ...]
) -> None:
    pointer = (checkout / "libbpf/.git").read_text()
    empty(checkout / "libbpf")
    write(checkout, "libbpf/.git", pointer)
    for name in left:
        write(checkout / "libbpf", name, "")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.FAIL
    apply(found["libbpf"].fixes[0])
    assert judge(checkout)["libbpf"].status is Status.PASS


def test_a_zip_download_fails_saying_that_nothing_can_fill_it_there(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    for name in ("libbpf", "bpftool", "vmlinux.h"):
        empty(checkout / name)
    found = judge(checkout)
    assert found.pop("bpftool/libbpf").status is Status.SKIP
    assert set(statuses(found).values()) == {Status.FAIL}
    assert "ZIP" in found["libbpf"].summary
    (fix,) = found["libbpf"].fixes
    assert isinstance(fix, ByHand)
    assert "git clone --recurse-submodules" in fix.text


def test_a_zip_download_becomes_a_checkout_by_the_commands_that_are_told(
    origin: Path, checkout: Path, tmp_path: Path
) -> None:
    shutil.rmtree(checkout / ".git")
    for name in ("libbpf", "bpftool", "vmlinux.h"):
        empty(checkout / name)
    write(checkout, "examples/c/Makefile", "APPS = mine\nUSED = ../../libbpf/src\n")
    (fix,) = judge(checkout)["libbpf"].fixes
    assert isinstance(fix, ByHand)
    settings = f'[url "file://{origin}/project"]\n\tinsteadOf = https://github.com/libbpf/'
    settings += 'libbpf-bootstrap\n[protocol "file"]\n\tallow = always\n'
    write(tmp_path, "settings", settings)
    environ = {**CLEAN, "GIT_CONFIG_GLOBAL": str(tmp_path / "settings")}
    for line in fix.text.splitlines():
        if line.startswith("  "):
            subprocess.run(line, shell=True, env=environ, check=True, capture_output=True)
    assert statuses(judge(checkout)) == dict.fromkeys(ALL, Status.PASS)
    assert git(checkout, "status", "--short") == " M examples/c/Makefile\n"


def test_a_copy_without_git_whose_directories_are_filled_is_a_warning(checkout: Path) -> None:
    for place in [*checkout.rglob(".git")]:
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert statuses(judge(checkout)) == dict.fromkeys(ALL, Status.WARN)


def test_vendored_directories_without_gitmodules_are_a_warning_and_absent_ones_a_fail(
    checkout: Path,
) -> None:
    for place in [*checkout.rglob(".git"), *checkout.rglob(".gitmodules")]:
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    empty(checkout / "libbpf")
    found = judge(checkout)
    assert found["libbpf"].status is Status.FAIL
    assert found["bpftool"].status is found["bpftool/libbpf"].status is Status.WARN


def test_a_worktree_is_judged_like_any_checkout(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "-q", str(tmp_path / "worktree"))
    assert judge(tmp_path / "worktree")["libbpf"].status is Status.FAIL
    git(tmp_path / "worktree", "submodule", "--quiet", "update", "--init", "--recursive")
    assert statuses(judge(tmp_path / "worktree")) == dict.fromkeys(ALL, Status.PASS)


def test_a_submodule_with_a_git_directory_of_its_own_passes(checkout: Path, origin: Path) -> None:
    shutil.rmtree(checkout / "libbpf")
    git(checkout, "clone", "-q", f"file://{origin}/libbpf", "libbpf")
    assert (checkout / "libbpf/.git").is_dir()
    assert judge(checkout)["libbpf"].status is Status.PASS


def test_a_git_pointer_that_leads_nowhere_is_a_warning_for_the_files_are_there(
    checkout: Path,
) -> None:
    write(checkout, "libbpf/.git", "gitdir: ../nowhere\n")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.WARN


def test_a_file_in_the_place_of_a_submodule_fails(checkout: Path) -> None:
    shutil.rmtree(checkout / "libbpf")
    write(checkout, "libbpf", "")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.FAIL


def test_a_link_in_the_place_of_a_submodule_is_not_followed(checkout: Path, tmp_path: Path) -> None:
    shutil.move(checkout / "libbpf", tmp_path / "mine")
    (checkout / "libbpf").symlink_to(tmp_path / "mine")
    assert judge(checkout)["libbpf"].status is Status.WARN
    shutil.rmtree(tmp_path / "mine")
    assert judge(checkout)["libbpf"].status is Status.FAIL


HOSTILE = {
    "parent": ("../outside", "leads out of the checkout"),
    "absolute": ("/etc", "is absolute"),
    "inside .git": ("x/.GIT/y", "not one that git allows"),
    "newline": (r"\"a\nb\"", "control characters"),
    "option": ("-x", "reads as an option"),
    "through a link": ("way/out", "leads through the link way"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_path_that_leads_away_is_refused_with_the_reason(checkout: Path, case: str) -> None:
    path, why = HOSTILE[case]
    (checkout / "way").symlink_to("/")
    with (checkout / ".gitmodules").open("a") as file:
        file.write(
            f'[submodule "evil"]\n\tpath = {path}\n\turl = https://example.org/x\n'.replace(
                '\\"', '"'
            )
        )
    found = judge(checkout)
    (evil,) = set(found) - ALL
    otherwise_passing(found, evil)
    assert found[evil].status is Status.FAIL
    assert why in found[evil].summary
    assert evil.isprintable()
    (fix,) = found[evil].fixes
    assert isinstance(fix, ByHand)
    assert why in fix.text


@pytest.mark.parametrize("url", ["ext::sh -c touch% /tmp/x", "--upload-pack=touch /tmp/x"])
def test_a_url_that_names_a_program_is_never_part_of_a_command(checkout: Path, url: str) -> None:
    git(checkout, "config", "-f", ".gitmodules", "submodule.libbpf.url", url)
    assert judge(checkout)["libbpf"].status is Status.WARN
    empty(checkout / "libbpf")
    finding = judge(checkout)["libbpf"]
    assert finding.status is Status.FAIL
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert "its URL" in fix.text


def test_gitmodules_that_is_a_link_is_not_read(checkout: Path) -> None:
    (checkout / ".gitmodules").unlink()
    (checkout / ".gitmodules").symlink_to("/etc/passwd")
    found = judge(checkout)
    assert found[".gitmodules"].status is Status.UNKNOWN
    assert "/bin/sh" not in str(found[".gitmodules"].evidence)


def private_git(place: Path, script: str) -> str:
    """A PATH with a `git` of one line in front of the real one."""
    place.mkdir()
    real = shutil.which("git")
    (place / "git").write_text(f"#!/bin/sh\n{script.format(real=real)}\n")
    (place / "git").chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


def test_a_git_that_refuses_the_owner_is_a_warning_that_says_who_to_be(
    checkout: Path, tmp_path: Path
) -> None:
    empty(checkout / "vmlinux.h")
    # git's own switch for its tests: the refusal that another user's tree would get
    script = 'GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"'
    found = judge(checkout, private_git(tmp_path / "bin", script))
    assert found["vmlinux.h"].status is Status.FAIL
    assert found["libbpf"].status is found["bpftool/libbpf"].status is Status.WARN
    assert "dubious ownership" in found["libbpf"].summary
    (fix,) = found["libbpf"].fixes
    assert isinstance(fix, Run)
    assert fix.argv[:3] == ("sudo", "-u", f"#{checkout.stat().st_uid}")


def test_a_git_that_breaks_is_asked_again_by_oneself_and_not_as_the_owner(
    checkout: Path, tmp_path: Path
) -> None:
    script = 'case "$*" in *ls-files*) echo "fatal: no" >&2; exit 1;; esac; exec {real} "$@"'
    (fix,) = judge(checkout, private_git(tmp_path / "bin", script))["libbpf"].fixes
    assert isinstance(fix, Run)
    assert fix.argv[0] == "git"


def test_without_git_filled_directories_are_a_warning_and_empty_ones_a_fail(
    checkout: Path, tmp_path: Path
) -> None:
    empty(checkout / "vmlinux.h")
    found = judge(checkout, str(tmp_path))
    assert found["vmlinux.h"].status is Status.FAIL
    assert found["vmlinux.h"].fixes[0] == Install(("git",))
    assert found["libbpf"].status is found["bpftool/libbpf"].status is Status.WARN


def test_root_asks_git_as_the_owner_of_the_checkout(
    checkout: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o011)
    subprocess.run(["chown", "-R", "12345:12345", str(checkout)], check=True)
    log = tmp_path / "log"
    log.touch()
    log.chmod(0o666)
    path = private_git(tmp_path / "bin", f'id -u >>{log}; exec {{real}} "$@"')
    assert statuses(judge(checkout, path)) == dict.fromkeys(ALL, Status.PASS)
    assert set(log.read_text().split()) == {"12345"}


def test_a_recorded_checkout_is_judged_like_the_live_one(checkout: Path, tmp_path: Path) -> None:
    empty(checkout / "vmlinux.h")
    write(checkout, "bpftool/libbpf/README", "mine\n")
    redactor = Redactor(checkout=str(checkout))
    recording = RecordingHost(LiveHost(Machine()))
    project = find_project(recording, str(checkout))
    assert project is not None
    live = [run_check(check, recording, project) for check in CHECKS]
    snapshot = Snapshot(Tool("bpfdoctor", "0"), "3", "now", 0, {}, recording.answers)
    snapshot.write(tmp_path / "snapshot", redactor)
    recorded = RecordedHost(read_snapshot(tmp_path / "snapshot"))
    elsewhere = find_project(recorded, "$CHECKOUT")
    assert elsewhere is not None
    assert [run_check(check, recorded, elsewhere) for check in CHECKS] == redactor.value(live)


def test_settings_that_name_programs_are_told_and_no_fix_obeys_them(
    checkout: Path, tmp_path: Path
) -> None:
    git(checkout, "config", "submodule.libbpf.update", f"!touch {tmp_path}/marker")
    empty(checkout / "libbpf")
    found = judge(checkout)
    assert found[".git/config"].status is Status.WARN
    assert "submodule.libbpf.update" in found[".git/config"].summary
    assert [type(fix) for fix in found["libbpf"].fixes] == [ByHand]
    assert not (tmp_path / "marker").exists()


def test_settings_of_the_repository_that_is_kept_for_it_are_told_too(checkout: Path) -> None:
    config = checkout / ".git/modules/libbpf/config"
    git(checkout, "config", "-f", str(config), "filter.x.smudge", "cat")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.WARN
    assert "filter.x.smudge" in found["libbpf"].summary
    empty(checkout / "libbpf")
    (fix,) = judge(checkout)["libbpf"].fixes
    assert isinstance(fix, ByHand)
    assert "filter.x.smudge" in fix.text


def test_a_command_to_paste_takes_a_path_as_one_word(checkout: Path) -> None:
    git(checkout, "mv", "libbpf", "$(id);x")
    git(checkout, "commit", "-qam", "a strange name")
    write(checkout, "$(id);x/README", "changed")
    (fix,) = judge(checkout)["$(id);x"].fixes
    assert isinstance(fix, ByHand)
    assert f"'{checkout}/$(id);x'" in fix.text


def test_in_a_user_namespace_git_is_not_run_as_root_on_somebody_elses_tree(
    checkout: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    subprocess.run(["chown", "-R", "12345:12345", str(checkout)], check=True)
    log = tmp_path / "log"
    path = private_git(tmp_path / "bin", f'echo run >>{log}; exec {{real}} "$@"')
    program = (
        "import sys\n"
        "from bpfdoctor.host.machine import Machine\n"
        "from bpfdoctor.host.git.submodules import AskSubmodules\n"
        "print(AskSubmodules(sys.argv[1]).put(Machine()).trouble)"
    )
    argv = ["unshare", "--user", "--map-root-user", sys.executable, "-c", program, str(checkout)]
    environ = {**os.environ, "PATH": path}
    said = subprocess.run(argv, env=environ, check=True, capture_output=True, text=True).stdout
    assert said == "cannot-become-owner\n"
    assert not log.exists()
