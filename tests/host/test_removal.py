"""Trees are removed at any depth, and nothing that is not in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from deep_tree import deepen

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.removal import remove_tree


def test_a_tree_goes_however_deep_it_is(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    deepen(tree, 1500)
    assert remove_tree(tree)
    assert not tree.exists()


def test_links_go_and_what_they_lead_to_stays(tmp_path: Path) -> None:
    kept, tree = tmp_path / "kept", tmp_path / "tree"
    (kept / "inner").mkdir(parents=True)
    tree.mkdir()
    (tree / "link").symlink_to(kept)
    assert remove_tree(tree)
    tree.symlink_to(kept)
    assert remove_tree(tree)
    assert not tree.is_symlink()
    assert (kept / "inner").is_dir()


def test_a_fifo_keeps_nobody_waiting(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    os.mkfifo(tree / "fifo")
    assert remove_tree(tree)


def test_what_is_not_there_is_gone(tmp_path: Path) -> None:
    assert remove_tree(tmp_path / "none")
    assert remove_tree(tmp_path / "none/either")


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_directories_that_their_owner_may_not_change_go_too(
    tmp_path: Path, mode: int, needs: Callable[..., None]
) -> None:
    needs("root")
    tmp_path.chmod(0o711)
    for each in tmp_path.parents[:-1]:
        each.chmod(each.stat().st_mode | 0o011)
    tree, owner = tmp_path / "tree", Credentials(65534, 65534)
    tree.mkdir()
    os.chown(tree, owner.uid, owner.gid)
    with acting_as(owner):
        (tree / "a/b/c").mkdir(parents=True)
        (tree / "a/b/file").touch()
        for each in (tree / "a/b/c", tree / "a/b", tree / "a"):
            each.chmod(mode)
    assert not remove_tree(tree, owner)
    assert list(tree.iterdir()) == []  # it lies in a directory that is not his


@pytest.mark.parametrize("mounted", ["tree/mount", "tree"])
def test_another_file_system_is_not_entered(
    tmp_path: Path, mounted: str, needs: Callable[..., None]
) -> None:
    needs("root", "unshare")
    tree, mount = tmp_path / "tree", tmp_path / mounted
    mount.mkdir(parents=True)
    code = (
        "from pathlib import Path; from bpfdoctor.host.removal import remove_tree; "
        f"print(remove_tree(Path({str(tree)!r})), list(Path({str(mount)!r}).iterdir()))"
    )
    mounting = f'mount -t tmpfs none {mount} && touch {mount}/kept && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "--propagation=private", "sh", "-c", mounting, "sh", sys.executable,
         "-c", code], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("False [")
    assert "kept" in done.stdout


def test_another_user_removes_only_what_he_may(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("root")
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    bob = Credentials(4711, 4711)
    for name, levels in (("shallow", 3), ("deep", 1500)):
        (tmp_path / name).mkdir()
        deepen(tmp_path / name, levels)
        assert not remove_tree(tmp_path / name, bob)
        assert remove_tree(tmp_path / name)
