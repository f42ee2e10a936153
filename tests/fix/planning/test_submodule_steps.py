"""What may be somebody's work outlives a repair of submodules, and what a tree names is not run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import add_submodule, applied, git, planned, repository, texts

from bpfdoctor.fix.applying.applier import Applier
from bpfdoctor.fix.plan import Plan
from bpfdoctor.fix.planning.planner import make_plan
from bpfdoctor.fix.planning.submodule_steps import CAREFUL
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.model import Reported, Run, Status

Make = Callable[..., Applier]


@pytest.fixture
def filled(nest: Path) -> Path:
    """The same checkout, with every submodule in it."""
    git(nest, "submodule", "update", "-q", "--init", "--recursive")
    return nest


def emptied(place: Path) -> None:
    """Everything but `.git` is gone."""
    for entry in place.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def trapped(repository: Path, marker: Path) -> None:
    """A filter and a hook in a repository's own directory, which note who ran them."""
    program = f"sh -c 'id -u >>{marker}; cat'"
    git(repository.parent, "config", "-f", str(repository / "config"), "filter.x.smudge", program)
    (repository / "info").mkdir(exist_ok=True)
    (repository / "info/attributes").write_text("* filter=x\n")


def hooked(repository: Path, marker: Path) -> None:
    (repository / "hooks").mkdir(exist_ok=True)
    hook = repository / "hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\nid -u >>{marker}\n")
    hook.chmod(0o755)


def test_files_that_are_absent_are_written_again_and_nothing_else(
    filled: Path, applier: Make, tmp_path: Path
) -> None:
    emptied(filled / "libbpf")
    (filled / "libbpf/notes").write_text("mine")
    plan = planned(filled)
    (step,) = plan.steps
    assert step.owner_of == str(filled)
    assert step.undo_text
    assert applied(plan, applier(), tmp_path).took
    assert (filled / "libbpf/header").read_text() == "libbpf"
    assert (filled / "libbpf/notes").read_text() == "mine"
    assert planned(filled) == Plan()


def test_what_was_staged_is_what_comes_back(filled: Path, applier: Make, tmp_path: Path) -> None:
    (filled / "libbpf/header").write_text("staged")
    git(filled / "libbpf", "add", "header")
    emptied(filled / "libbpf")
    assert applied(planned(filled), applier(), tmp_path).took
    assert (filled / "libbpf/header").read_text() == "staged"


def test_a_commit_of_ones_own_stays_checked_out(
    filled: Path, applier: Make, tmp_path: Path
) -> None:
    (filled / "libbpf/header").write_text("mine")
    git(filled / "libbpf", "commit", "-qam", "mine")
    mine = git(filled / "libbpf", "rev-parse", "HEAD")
    emptied(filled / "libbpf")
    assert applied(planned(filled), applier(), tmp_path).took
    assert git(filled / "libbpf", "rev-parse", "HEAD") == mine
    assert (filled / "libbpf/header").read_text() == "mine"


def test_a_commit_without_a_name_is_left_to_a_person(filled: Path) -> None:
    git(filled / "libbpf", "commit", "-q", "--allow-empty", "-m", "mine")
    emptied(filled / "libbpf")
    (filled / ".git/modules/libbpf/index").unlink()
    plan = planned(filled)
    assert plan.steps == ()
    assert "left alone" in texts(plan)


def test_a_file_in_the_place_of_a_directory_is_left_alone(tmp_path: Path, home: Path) -> None:
    source = repository(tmp_path / "source")
    (source / "benches").mkdir()
    (source / "benches/one").write_text("1")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "a directory")
    checkout = repository(tmp_path / "checkout", Makefile="all:")
    add_submodule(checkout, "part", "https://git.invalid/part", source)
    git(checkout, "-c", f"url.file://{source}.insteadOf=https://git.invalid/part",
        "submodule", "update", "-q", "--init")  # fmt: skip
    emptied(checkout / "part")
    (checkout / "part/benches").write_text("notes")
    plan = planned(checkout)
    assert plan.steps == ()
    assert "changes" in texts(plan)
    (checkout / "part/benches").unlink()
    (checkout / "part/benches").symlink_to(tmp_path)
    assert planned(checkout).steps == ()


def test_a_fetch_that_was_cut_off_before_its_checkout_is_finished(
    nest: Path, applier: Make, tmp_path: Path
) -> None:
    """git clones every submodule before it writes the files of the first."""
    git(tmp_path / "servers/libbpf", "commit", "-q", "--allow-empty", "-m", "newer")
    git(nest, "submodule", "init")
    clone = ("--path", "libbpf", "--name", "libbpf", "--url", "https://git.invalid/libbpf")
    git(nest, "submodule--helper", "clone", *clone)
    assert [entry.name for entry in (nest / "libbpf").iterdir()] == [".git"]
    plan = planned(nest, ("checkout.submodules[libbpf]",))
    assert "--force" not in plan.steps[0].argv
    assert applied(plan, applier(), tmp_path).took
    assert (nest / "libbpf/header").read_text() == "libbpf"


def test_files_that_were_never_written_are(filled: Path, applier: Make, tmp_path: Path) -> None:
    emptied(filled / "libbpf")
    (filled / ".git/modules/libbpf/index").unlink()
    assert applied(planned(filled), applier(), tmp_path).took
    assert (filled / "libbpf/header").read_text() == "libbpf"


@pytest.mark.parametrize("pointer", [True, False])
def test_half_a_clone_is_set_aside_and_fetched_anew(
    nest: Path, applier: Make, tmp_path: Path, pointer: bool
) -> None:
    half = nest / ".git/modules/libbpf"
    half.parent.mkdir()
    git(nest, "init", "-q", "--bare", str(half))
    (nest / ".git/modules/libbpf.cut-off").mkdir()
    if pointer:
        (nest / "libbpf/.git").write_text("gitdir: ../.git/modules/libbpf\n")
    plan = planned(nest, ("checkout.submodules[libbpf]",))
    assert all(step.argv[0] != "rm" for step in plan.steps)
    assert all(step.undo or step.undo_text for step in plan.steps)
    assert applied(plan, applier(), tmp_path).took
    assert (nest / "libbpf/header").read_text() == "libbpf"
    aside = nest / ".git/modules/libbpf.cut-off-2"
    assert (aside / "HEAD").exists()
    assert (aside / "work-tree.git").exists() is pointer


def damaged(repository: Path) -> None:
    (repository / "HEAD").write_text("")


def logged(repository: Path) -> None:
    """No ref, but a log that tells of a commit."""
    (repository / "HEAD").write_text("ref: refs/heads/gone\n")
    shutil.rmtree(repository / "refs")
    (repository / "refs").mkdir()
    (repository / "packed-refs").unlink(missing_ok=True)


@pytest.mark.parametrize("damage", [damaged, logged])
def test_a_damaged_repository_that_holds_commits_is_left_to_a_person(
    filled: Path, damage: Callable[[Path], None]
) -> None:
    git(filled / "libbpf", "checkout", "-qb", "mywork")
    git(filled / "libbpf", "commit", "-q", "--allow-empty", "-m", "mine")
    git(filled / "libbpf", "checkout", "-q", "--detach")
    git(filled, "submodule", "deinit", "-f", "libbpf")
    damage(filled / ".git/modules/libbpf")
    plan = planned(filled, ("checkout.submodules[libbpf]",))
    assert all("libbpf.cut-off" not in " ".join(step.argv) for step in plan.steps)
    if damage is damaged:
        assert plan.steps == ()
        _, *commands = texts(plan).splitlines()
        for command in commands:
            subprocess.run(command, shell=True, check=True, capture_output=True)
        assert (filled / "libbpf/header").read_text() == "libbpf"
        assert (filled / ".git/modules/libbpf.aside/logs/HEAD").exists()


def test_a_filter_of_a_kept_repository_is_not_run(filled: Path, tmp_path: Path) -> None:
    emptied(filled / "libbpf")
    (filled / ".git/modules/libbpf/index").unlink()
    trapped(filled / ".git/modules/libbpf", tmp_path / "marker")
    plan = planned(filled)
    assert plan.steps == ()
    assert "filter.x.smudge" in texts(plan)
    assert ".git/modules/libbpf/config" in texts(plan)


@pytest.mark.parametrize("whose", ["bpftool", "bpftool/modules/libbpf"])
def test_a_filter_that_waits_for_an_empty_submodule_is_not_run(filled: Path, whose: str) -> None:
    git(filled, "submodule", "deinit", "-f", "bpftool")
    trapped(filled / ".git/modules" / whose, filled / "marker")
    plan = planned(filled)
    assert plan.steps == ()
    assert "filter.x.smudge" in texts(plan)


def test_hooks_are_not_run(filled: Path, applier: Make, tmp_path: Path) -> None:
    emptied(filled / "libbpf")
    git(filled, "submodule", "deinit", "-f", "bpftool")
    for name in ("libbpf", "bpftool", "bpftool/modules/libbpf"):
        hooked(filled / ".git/modules" / name, tmp_path / "marker")
    assert applied(planned(filled), applier(), tmp_path).took
    assert (filled / "bpftool/libbpf/header").exists()
    assert not (tmp_path / "marker").exists()


def test_no_file_is_written_to_another_work_tree(filled: Path, tmp_path: Path) -> None:
    """git follows `core.worktree`: `checkout -- .` would overwrite somebody's files there."""
    emptied(filled / "libbpf")
    (tmp_path / "victim").mkdir()
    config = filled / ".git/modules/libbpf/config"
    git(filled, "config", "-f", str(config), "core.worktree", str(tmp_path / "victim"))
    plan = planned(filled)
    assert plan.steps == ()
    assert "core.worktree" in texts(plan)


def test_roots_git_is_the_owners_in_every_step(
    filled: Path, needs: Callable[..., None], applier: Make, tmp_path: Path
) -> None:
    needs("root")
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o011)
    emptied(filled / "libbpf")
    marker = tmp_path / "marker"
    marker.touch()
    marker.chmod(0o666)
    subprocess.run(["chown", "-R", "12345:12345", str(filled)], check=True)
    plan = planned(filled)
    trapped(filled / ".git/modules/libbpf", marker)  # after the plan was made: nobody looks again
    subprocess.run(["chown", "-R", "12345:12345", str(filled)], check=True)
    assert applied(plan, applier(), tmp_path).took
    assert set(marker.read_text().split()) == {"12345"}


def reported(fix: Run) -> Reported:
    return Reported("a.b", "", "a.b", "", Status.FAIL, True, "", (), (fix,), ())


@pytest.mark.parametrize("tool", ["git", "make"])
def test_a_command_that_works_in_a_tree_is_the_owners(tmp_path: Path, tool: str) -> None:
    run = Run((tool, "-C", str(tmp_path), "status"))
    host = LiveHost(Machine(dict(os.environ)))
    (step,) = make_plan([reported(run)], host).steps
    assert step.owner_of == str(tmp_path)
    (step,) = make_plan([reported(Run((tool, "-C", "a"), cwd="/b"))], host).steps
    assert step.owner_of == "/b/a"


def test_a_fix_of_a_checkouts_submodules_is_planned_with_care(filled: Path) -> None:
    emptied(filled / "libbpf")
    fix = Run(("git", "-C", f"{filled}/libbpf", "checkout", "--", "."), checkout=str(filled))
    (step,) = make_plan([reported(fix)], LiveHost(Machine(dict(os.environ)))).steps
    assert step.kind == "submodule"
    assert "core.hooksPath=/dev/null" in step.argv


def test_undo_is_as_careful_and_says_what_stays(nest: Path) -> None:
    for step in planned(nest).steps:
        assert step.undo[3 : 3 + len(CAREFUL)] == CAREFUL
        assert f"{nest}/.git/modules/{step.argv[-1]}" in " ".join(step.notes)
