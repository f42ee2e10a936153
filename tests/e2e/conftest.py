"""A checkout in libbpf-bootstrap's shape, with real git submodules, made on the spot."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from loud import require

SOURCES = Path(__file__).parent / "project"
IDENTITY = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t"}
IDENTITY |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
BUILDING = ("git", "make", "clang", "cc", "libelf.h", "zlib.h")
ARCHITECTURES = {"x86_64": "x86", "aarch64": "arm64"}


def git(directory: Path, *words: str) -> None:
    """Run git, in a repository whose settings are the test's alone."""
    environ = {
        **os.environ,
        **IDENTITY,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    argv = ["git", "-c", "protocol.file.allow=always", *words]
    subprocess.run(argv, cwd=directory, env=environ, check=True, capture_output=True)


def repository(directory: Path) -> Path:
    """Make a directory a repository with one commit of all that is in it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "README").write_text("made by a test\n")
    git(directory, "init", "-q")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "all of it")
    return directory


def submodule(parent: Path, source: Path, path: str) -> None:
    """Add a submodule, with its own."""
    git(parent, "submodule", "add", "-q", str(source), path)
    git(parent, "submodule", "update", "-q", "--init", "--recursive")
    git(parent, "commit", "-q", "-am", f"add {path}")


def made_checkout(place: Path) -> Path:
    """The project of `tests/e2e/project`, with the four submodules and the nested one."""
    origins = place / "origins"
    shutil.copytree(SOURCES / "libbpf", origins / "libbpf")
    for each in Path("/usr/include/bpf").glob("*.h"):  # what BPF code is compiled with
        shutil.copy(each, origins / "libbpf/src")
    header = origins / "vmlinux.h/include" / ARCHITECTURES.get(platform.machine(), "unknown")
    header.mkdir(parents=True)
    shutil.copy(SOURCES / "vmlinux.h/vmlinux.h", header)
    for name in ("libbpf", "vmlinux.h", "bpftool", "blazesym"):
        repository(origins / name)
    submodule(origins / "bpftool", origins / "libbpf", "libbpf")
    checkout = place / "checkout"
    shutil.copytree(SOURCES / "examples", checkout / "examples")
    repository(checkout)
    for name in ("libbpf", "bpftool", "blazesym", "vmlinux.h"):
        submodule(checkout, origins / name, name)
    return checkout


@pytest.fixture
def make_checkout(needs: Callable[..., None]) -> Callable[[Path], Path]:
    """Make the project of our own in a directory of the test's choice."""
    needs(*BUILDING, "bpf/libbpf.h")
    return made_checkout


@pytest.fixture
def checkout(tmp_path: Path, needs: Callable[..., None], request: pytest.FixtureRequest) -> Path:
    """A checkout that builds; a copy of `$BPFDOCTOR_CHECKOUT` where that is set."""
    real = os.environ.get("BPFDOCTOR_CHECKOUT")
    if not real:
        made: Path = request.getfixturevalue("make_checkout")(tmp_path)
        return made
    needs(*BUILDING)
    shutil.copytree(real, tmp_path / "checkout", symlinks=True)
    return tmp_path / "checkout"


@pytest.fixture(scope="module")
def one_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of our own, made once for all tests of a module; they work on copies."""
    require(*BUILDING, "bpf/libbpf.h")
    return made_checkout(tmp_path_factory.mktemp("made"))
