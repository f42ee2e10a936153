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


LIBBPF = {
    "src/Makefile": """\
LIBBPF_MAP_VERSION := $(shell grep -oE '^LIBBPF_([0-9.]+)' libbpf.map | head -n1)
OBJS := libbpf.o \\
\telf.o
HEADERS := libbpf.h bpf_helpers.h
$(OBJDIR)/libbpf.pc:
\tsed -e s/x/y/ < libbpf.pc.template > $@
""",
    "src/libbpf.c": '#include <stdio.h>\n#include <linux/err.h>\n#include "libbpf.h"\n',
    "src/elf.c": '#include <stddef.h>\n#include "hashmap.h"\n',
    "src/unused.c": '#include "nowhere.h"\n',
    "src/libbpf.h": '#include "beside.h"\nint a;\n',
    "src/beside.h": "",
    "src/hashmap.h": "int hashmap;\n",
    "src/bpf_helpers.h": "",
    "src/libbpf.map": "LIBBPF_1.0\n",
    "src/libbpf.pc.template": "",
    "include/linux/err.h": "int err;\n",
    "include/linux/unused.h": "",
    "include/uapi/linux/bpf.h": "",
    "README": "libbpf\n",
}
BPFTOOL = {
    "src/Makefile": """\
include Makefile.include
BOOTSTRAP_OBJS = $(addprefix $(BOOTSTRAP_OUTPUT),main.o disasm.o)
""",
    "src/Makefile.include": "",
    "src/main.c": '#include <bpf/libbpf.h>\n#include <bpf/hashmap.h>\n#include "main.h"\n',
    "src/main.h": "#include <linux/list.h>\n",
    "src/kernel/bpf/disasm.c": "int disasm;\n",
    "src/prog.c": "int not_of_the_bootstrap;\n",
    "include/linux/list.h": "",
    "docs/bpftool.rst": "",
}


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
    libbpf = repository(place / "libbpf", LIBBPF, {})
    for branch in ("one", "other"):
        git(libbpf, "checkout", "-qb", branch, "master")
        commit(libbpf, {"src/libbpf.c": f"int {branch};\n"})
    git(libbpf, "checkout", "-q", "master")
    headers = repository(place / "headers", {"include/x86/vmlinux.h": "// __VMLINUX_H__\n"}, {})
    bpftool = repository(place / "bpftool", BPFTOOL, {"libbpf": libbpf})
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
    text = LIBBPF["src/libbpf.c"].replace("stdio", "errno")
    write(checkout, "libbpf/src/libbpf.c", text)
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
    assert "absent: 1 of 14 files" in found["libbpf"].summary
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
    assert "absent: 1 of 14 files (half updated); 1 files were not compared" in found.summary
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


def without_git(checkout: Path) -> None:
    """Make it a copy of which git knows nothing."""
    for place in [*checkout.rglob(".git")]:
        shutil.rmtree(place) if place.is_dir() else place.unlink()


NEEDED = [
    ("libbpf", "src/Makefile", ""),
    ("libbpf", "src/elf.c", ""),
    ("libbpf", "src/hashmap.h", "hashmap.h"),
    ("libbpf", "src/bpf_helpers.h", ""),
    ("libbpf", "src/libbpf.map", ""),
    ("libbpf", "src/libbpf.pc.template", ""),
    ("libbpf", "include/linux/err.h", "linux/err.h"),
    ("bpftool", "src/Makefile.include", ""),
    ("bpftool", "src/main.h", "main.h"),
    ("bpftool", "include/linux/list.h", "linux/list.h"),
    ("bpftool/libbpf", "src/Makefile", ""),
    ("bpftool/libbpf", "src/hashmap.h", "hashmap.h"),
    ("bpftool/libbpf", "src/beside.h", "beside.h"),
    ("bpftool/libbpf", "include/linux/err.h", "linux/err.h"),
]
"""A submodule, a file that the build reads, and what it is called where git tells nothing."""


@pytest.mark.parametrize(("about", "lost", "called"), NEEDED)
def test_a_lost_file_that_the_build_needs_is_the_one_fail_and_git_brings_it_back(
    checkout: Path, about: str, lost: str, called: str
) -> None:
    (checkout / about / lost).unlink()
    found = judge(checkout)
    otherwise_passing(found, about)
    assert found[about].status is Status.FAIL
    assert found[about].summary == f"{lost} is not there, and the build needs it"
    (fix,) = found[about].fixes
    assert isinstance(fix, Run)
    assert fix.argv == ("git", "-C", str(checkout / about), "checkout", "--", ".")
    apply(fix)
    assert judge(checkout)[about].status is Status.PASS


@pytest.mark.parametrize(("about", "lost", "called"), NEEDED)
def test_a_lost_file_that_the_build_needs_is_seen_where_git_tells_nothing(
    checkout: Path, about: str, lost: str, called: str
) -> None:
    without_git(checkout)
    (checkout / about / lost).unlink()
    found = judge(checkout)
    assert statuses(found) == {**dict.fromkeys(ALL, Status.WARN), about: Status.FAIL}
    assert found[about].summary == f"{called or lost} is not there, and the build needs it"
    (fix,) = found[about].fixes
    assert isinstance(fix, ByHand)
    assert fix.text.startswith("clone the checkout again: git clone --recurse-submodules")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("about", "lost"),
    [
        ("libbpf", "README"),
        ("libbpf", "src/unused.c"),
        ("libbpf", "include/linux/unused.h"),
        ("bpftool", "src/prog.c"),
        ("bpftool", "docs/bpftool.rst"),
        ("vmlinux.h", "include/x86/vmlinux.h"),
    ],
)
def test_a_lost_file_that_no_build_reads_is_a_warning(
    checkout: Path, about: str, lost: str, known: bool
) -> None:
    if not known:
        without_git(checkout)
    else:
        write(checkout, f"{about}/README", "there is one more\n")
        git(checkout / about, "add", "README")
    (checkout / about / lost).unlink()
    found = judge(checkout)
    assert found[about].status is Status.WARN
    assert {finding.status for finding in found.values()} <= {Status.WARN, Status.PASS}
    if known:
        assert f"{about}/{lost}" in found[about].explains


@pytest.mark.parametrize("how", ["a link to itself", "a dangling link", "a directory"])
def test_what_stands_in_the_place_of_a_needed_file_does_not_pass_for_it(
    checkout: Path, how: str
) -> None:
    place = checkout / "libbpf/src/Makefile"
    place.unlink()
    if how == "a directory":
        place.mkdir()
    else:
        place.symlink_to("Makefile" if how == "a link to itself" else "nowhere")
    finding = judge(checkout)["libbpf"]
    assert finding.status in (Status.FAIL, Status.UNKNOWN)
    assert (finding.status is Status.FAIL) or how != "a dangling link"


def test_a_file_that_git_never_had_is_not_lost(checkout: Path) -> None:
    """A makefile may list what the build makes."""
    write(checkout, "libbpf/src/Makefile", "HEADERS := bpf_helpers.h made.h\ninclude made.mk\n")
    (checkout / "libbpf/README").unlink()
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.WARN


def test_a_warning_says_by_which_words_a_failed_build_names_it(checkout: Path) -> None:
    write(checkout, "libbpf/src/libbpf.h", "int other;\n")
    git(checkout / "bpftool", "checkout", "-q", "--detach")
    found = judge(checkout)
    assert found["libbpf"].explains == ("libbpf/src", "libbpf/src/libbpf.h")
    without_git(checkout)
    assert judge(checkout)["vmlinux.h"].explains == ("vmlinux.h",)


def test_a_lost_header_beside_a_changed_file_comes_back_alone(checkout: Path) -> None:
    (checkout / "libbpf/include/linux/err.h").unlink()
    write(checkout, "libbpf/README", "mine\n")
    (fix,) = judge(checkout)["libbpf"].fixes
    assert isinstance(fix, ByHand)
    subprocess.run(fix.text.partition(": ")[2], shell=True, env=CLEAN, check=True)
    assert judge(checkout)["libbpf"].status is Status.WARN
    assert (checkout / "libbpf/README").read_text() == "mine\n"


def test_more_than_one_lost_file_is_one_fail_that_counts_them(checkout: Path) -> None:
    for name in ("libbpf.map", "bpf_helpers.h", "hashmap.h"):
        (checkout / "libbpf/src" / name).unlink()
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].summary.endswith(" and 2 more that the build needs are not there")


@pytest.mark.parametrize("broken", [True, False])
def test_a_header_of_the_system_in_place_of_a_lost_one_counts_by_what_the_compiler_says(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    write(tmp_path, "system/linux/err.h", "int" if broken else "int another;\n")
    monkeypatch.setenv("C_INCLUDE_PATH", str(tmp_path / "system"))
    (checkout / "libbpf/include/linux/err.h").unlink()
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is (Status.FAIL if broken else Status.WARN)


def private_cc(place: Path, script: str) -> str:
    """A PATH with a `cc` of a few lines in front of the real one; the host's stays as it is."""
    place.mkdir()
    for name in ("cc", "gcc"):
        (place / name).write_text(f"#!/bin/sh\n{script.format(real=shutil.which(name))}\n")
        (place / name).chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("libelf.h", Status.WARN),
        ("gelf.h", Status.WARN),
        ("zlib.h", Status.WARN),
        ("libelf2.h", Status.FAIL),
    ],
)
def test_a_library_that_is_not_installed_is_no_fault_of_a_submodule(
    checkout: Path, tmp_path: Path, name: str, status: Status
) -> None:
    without_git(checkout)
    write(checkout, "libbpf/src/elf.c", f'#include "hashmap.h"\n#include <{name}>\n')
    hide = f'case "$*" in *"-M "*) {{real}} "$@" | sed "s@/[^ ]*/{name}@{name}@";; '
    path = private_cc(tmp_path / "bin", hide + '*) exec {real} "$@";; esac')
    found = judge(checkout, path)
    assert found["libbpf"].status is status
    assert found["bpftool/libbpf"].status is Status.WARN


@pytest.mark.parametrize(("name", "status"), [("asm", Status.WARN), ("linux", Status.FAIL)])
def test_headers_of_the_kernel_that_are_not_installed_are_no_fault_of_a_submodule(
    checkout: Path, name: str, status: Status
) -> None:
    without_git(checkout)
    write(checkout, "libbpf/src/elf.c", f"#include <{name}/nowhere.h>\n#include <linux/no.h>\n")
    assert judge(checkout)["libbpf"].status is status


def test_without_a_c_compiler_the_makefiles_lists_are_read_all_the_same(
    checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git") or "")
    (checkout / "libbpf/src/hashmap.h").unlink()
    (checkout / "bpftool/src/kernel/bpf/disasm.c").unlink()
    found = judge(checkout, str(tmp_path / "bin"))
    otherwise_passing(found, "libbpf", "bpftool")
    assert found["libbpf"].status is Status.WARN
    assert found["bpftool"].status is Status.FAIL


def test_a_compiler_that_hangs_over_a_fifo_leaves_it_unknown(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpfdoctor.judging.sources.headers.PATIENCE", 0.5)
    (checkout / "libbpf/README").unlink()
    (checkout / "libbpf/src/hashmap.h").unlink()
    os.mkfifo(checkout / "libbpf/src/hashmap.h")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.UNKNOWN
    assert found["libbpf"].fixes


def test_an_intact_checkout_asks_no_compiler(checkout: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    path = private_cc(tmp_path / "bin", f'echo run >>{log}; exec {{real}} "$@"')
    assert statuses(judge(checkout, path)) == dict.fromkeys(ALL, Status.PASS)
    assert not log.exists()
    (checkout / "libbpf/README").unlink()
    assert judge(checkout, path)["libbpf"].status is Status.WARN
    assert log.exists()


def test_one_stray_file_does_not_fill_a_submodule_and_is_not_overwritten(checkout: Path) -> None:
    empty(checkout / "libbpf")
    write(checkout, "libbpf/notes.txt", "mine\n")
    found = judge(checkout)
    otherwise_passing(found, "libbpf")
    assert found["libbpf"].status is Status.FAIL
    assert found["libbpf"].summary == "libbpf holds none of its files"
    (fix,) = found["libbpf"].fixes
    assert isinstance(fix, ByHand)
    assert fix.text.startswith(f"move {checkout}/libbpf away, then: git -C {checkout} submodule")
    (checkout / "libbpf").rename(checkout / "aside")
    argv = fix.text.partition("then: git ")[2].split()
    subprocess.run(["git", *OURS, *argv], env=CLEAN, check=True, capture_output=True)
    assert judge(checkout)["libbpf"].status is Status.PASS


@pytest.mark.parametrize("there", ["bpftool", "bpftool/libbpf"])
def test_one_stray_file_is_seen_where_git_tells_nothing(checkout: Path, there: str) -> None:
    without_git(checkout)
    (checkout / ".gitmodules").unlink()
    empty(checkout / there)
    write(checkout, f"{there}/notes.txt", "mine\n")
    found = judge(checkout)
    assert found[there].status is Status.FAIL
    assert found[there].summary == f"{there} holds none of its files"
    failing = [about for about, finding in found.items() if finding.status is Status.FAIL]
    assert failing == [there]


def test_one_stray_file_is_told_without_git_too(checkout: Path, tmp_path: Path) -> None:
    empty(checkout / "libbpf")
    write(checkout, "libbpf/notes.txt", "mine\n")
    found = judge(checkout, str(tmp_path))
    assert found["libbpf"].status is Status.FAIL
    assert [type(fix) for fix in found["libbpf"].fixes] == [Install]


def test_root_has_the_sources_read_as_the_owner_of_the_checkout(
    checkout: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o011)
    (checkout / "libbpf/README").unlink()
    subprocess.run(["chown", "-R", "12345:12345", str(checkout)], check=True)
    log = tmp_path / "log"
    log.touch()
    log.chmod(0o666)
    script = f'case "$*" in *"-M "*) id -u >>{log};; esac; exec {{real}} "$@"'
    found = judge(checkout, private_cc(tmp_path / "bin", script))
    assert found["libbpf"].status is Status.WARN
    assert set(log.read_text().split()) == {"12345"}
