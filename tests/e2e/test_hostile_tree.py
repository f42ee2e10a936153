"""Root over a tree of another user's: no file of it is opened as root, none of root's is shown."""

from __future__ import annotations

import os
import platform
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loud import require
from traced import openings

BPFDOCTOR = [sys.executable, "-I", "-m", "bpfdoctor"]
SECRET = "K3y-of-root-alone"

pytestmark = pytest.mark.bpf


@pytest.fixture(scope="module")
def made(one_checkout: Path) -> Path:
    """A place that everybody may pass; in it a checkout, and a secret of root's."""
    require("root", "strace")
    place = one_checkout.parent
    above = Path(tempfile.gettempdir()).resolve()
    for each in (place, *place.parents):
        if above in each.parents:
            each.chmod(0o755)
    (place / "secret").write_text(SECRET)
    (place / "secret").chmod(0o600)
    return place


@pytest.fixture
def tree(made: Path) -> Iterator[Path]:
    """That checkout as nobody's."""
    place = made / "tree"
    shutil.copytree(made / "checkout", place, symlinks=True)
    give(place, pwd.getpwnam("nobody").pw_uid)
    yield place
    shutil.rmtree(place)


def give(place: Path, uid: int) -> None:
    """As `chown -R`: the group stays root's."""
    os.chown(place, uid, -1)
    for directory, directories, files in os.walk(place):
        for name in (*directories, *files):
            os.lchown(os.path.join(directory, name), uid, -1)


def as_root_below(
    checkout: Path, made: Path, words: tuple[str, ...], status: tuple[int, ...]
) -> list[str]:
    environ = {**os.environ, "HOME": str(made / "home"), "CFLAGS": f"-I{checkout}/libbpf/src"}
    (made / "home").mkdir(exist_ok=True)
    argv = [*BPFDOCTOR, *(word.replace("$CHECKOUT", str(checkout)) for word in words)]
    found, ended = openings(argv, checkout, made / "log", checkout / "examples/c", environ)
    assert ended.returncode in status, ended.stdout + ended.stderr
    assert found, "nothing of the tree was opened at all"
    return [each.call for each in found if each.uid == 0]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("check", "--no-smoke", "--no-cache", "-C", "$CHECKOUT"), (0, 1, 3)),
        (("check", "--for", "minimal"), (0, 1)),
        (("fix", "--dry-run"), (0, 1)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value[0], str) else "",
)
def test_nothing_below_the_tree_is_opened_as_root(
    tree: Path, made: Path, words: tuple[str, ...], status: tuple[int, ...]
) -> None:
    assert as_root_below(tree, made, words, status) == []


@pytest.mark.parametrize("value", ["{0}/clang", "sh {0}/clang", "sh -c '{0}/clang'"])
def test_a_makefile_has_nothing_run_before_a_build_was_asked_for(
    tree: Path, made: Path, value: str
) -> None:
    tools = tree / "own-tools"
    tools.mkdir()
    trace = made / "ran"
    trace.unlink(missing_ok=True)
    (tools / "clang").write_text(f'#!/bin/sh\nid -u > {trace}\nexec clang "$@"\n')
    (tools / "clang").chmod(0o755)
    makefile = tree / "examples/c/Makefile"
    makefile.write_text(f"CLANG = {value.format(tools)}\n{makefile.read_text()}")
    argv = [*BPFDOCTOR, "check", "--no-smoke", "--no-cache", "--only", "toolchain.clang"]
    ended = subprocess.run(
        argv, cwd=tree / "examples/c", capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert not trace.exists()


def test_an_object_is_opened_as_its_owner(tree: Path, made: Path) -> None:
    source = tree / "examples/c/minimal.bpf.c"
    host = f"-I/usr/include/{platform.machine()}-linux-gnu"
    flags = ["-g", "-O2", "-target", "bpf", f"-I{tree}/libbpf/src", host]
    subprocess.run(["clang", *flags, "-c", source, "-o", tree / "minimal.bpf.o"], check=True)
    words = ("check", "--object", "$CHECKOUT/minimal.bpf.o")
    assert as_root_below(tree, made, words, (0, 1, 3)) == []


HOSTILE = {
    "examples/c/Makefile": "secret",
    ".gitmodules": "secret",
    "vmlinux.h/include/x86/vmlinux.h": "secret",
    "libbpf/src/Makefile": "secret",
    "bpfdoctor.toml": "secret",
    ".git/config": "secret",
    ".git/HEAD": "secret",
    "examples/c/minimal.bpf.c": "secret",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_link_to_what_only_root_may_read_shows_nothing_of_it(
    tree: Path, made: Path, name: str
) -> None:
    link = tree / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(made / HOSTILE[name])
    os.lchown(link, pwd.getpwnam("nobody").pw_uid, -1)
    record = made / "record.json"
    record.write_text("")
    argv = [*BPFDOCTOR, "check", "--no-smoke", "--no-cache", "--record", str(record)]
    ended = subprocess.run(
        [*argv, "--format", "json"],
        cwd=tree / "examples/c", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode in (1, 2, 3), ended.stderr
    assert SECRET not in ended.stdout + ended.stderr + record.read_text()


def test_a_recipe_that_swaps_its_directory_for_a_link_gives_root_no_file(
    tree: Path, made: Path
) -> None:
    """make says yes, and where the program should be a link leads to what only root may read."""
    makefile = tree / "examples/c/Makefile"
    recipe = f"minimal:\n\tcd .. && mv c d && ln -s {made} c\n"
    makefile.write_text(f"{makefile.read_text()}\n{recipe}")
    (made / "minimal").unlink(missing_ok=True)
    (made / "minimal").write_text(SECRET)
    (made / "minimal").chmod(0o700)
    home = made / "home"
    home.mkdir(exist_ok=True)
    ended = subprocess.run(
        [*BPFDOCTOR, "smoke", "minimal"],
        cwd=tree / "examples/c", capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")},
    )  # fmt: skip
    assert ended.returncode == 3, ended.stdout
    assert "EACCES" in ended.stdout
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert not any(SECRET in path.read_text(errors="replace") for path in kept)
