"""What a guest examines itself with: bpfdoctor as it is in this tree, and programs built here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bpfdoctor.projects.reader import kind_named

REPOSITORY = Path(__file__).parents[3]
PROGRAMS = REPOSITORY / "tests" / "vm" / "programs"
OBJECTS = REPOSITORY / "tests" / "vm" / "objects"
SCRIPTS = ("observe.py", "probe.py", "hold.py")
"""Of tests/vm, run in the guest."""

GUEST_PYTHON = "3.11"
"""Bookworm's, whatever the kernel."""


def installed(place: Path) -> Path:
    """bpfdoctor and what it depends on, as the guest's Python wants them."""
    tree = place / "tree"
    left_out = shutil.ignore_patterns(".git", "*.egg-info", "build", "dist", ".*", "tests")
    shutil.copytree(REPOSITORY, tree, ignore=left_out, symlinks=True)
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(place), str(tree)]
    _pip(wheel)
    (built,) = place.glob("bpfdoctor-*.whl")
    site = place / "site"
    chosen = ["--python-version", GUEST_PYTHON, "--only-binary=:all:"]
    _pip(["install", "--target", str(site), *chosen, str(built)])
    return site


def _pip(words: list[str]) -> None:
    argv = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def programs(place: Path) -> Path:
    """Our own small programs, built on this machine."""
    target = _made(PROGRAMS, place / "programs")
    for left in target.glob("*.*"):
        left.unlink()
    return target


def objects(place: Path) -> Path:
    """Our own BPF objects, and `try`, which loads and attaches them."""
    return _made(OBJECTS, place / "objects")


def _made(sources: Path, target: Path) -> Path:
    argv = ["make", "-s", "-j2", f"OUT={target}"]
    done = subprocess.run(argv, cwd=sources, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def copied_programs(checkout: Path, place: Path) -> Path:
    """The programs that were built in a checkout of libbpf-bootstrap."""
    target, built = place / "programs", checkout / "examples" / "c"
    target.mkdir()
    for name in kind_named("libbpf-bootstrap").programs:
        if (built / name).is_file():
            shutil.copy(built / name, target)
    assert any(target.iterdir()), f"nothing is built in {built}: make -C {built}"
    return target


def payload(place: Path, checkout: Path | None = None) -> Path:
    """A directory for a guest: `site`, `programs`, `objects`, and the scripts."""
    work, scratch = place / "work", place / "scratch"
    work.mkdir()
    scratch.mkdir()
    shutil.move(installed(scratch), work)
    if checkout is None:
        programs(work)
    else:
        copied_programs(checkout, work)
    objects(work)
    for script in SCRIPTS:
        shutil.copy(REPOSITORY / "tests" / "vm" / script, work)
    return work
