"""Bare roots of distributions, built once with debootstrap and copied for each test.

A root holds Python and a virtual environment with bpfdoctor as it is now; nothing that bpfdoctor
should find missing.

`-m releases` adds the releases that are not tried by default, `-m apk` Alpine's package manager.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from bare.python import install, pip
from bare.root import Root
from bare.template import template
from loud import require

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
ASKED_FOR = ("releases", "apk")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, or what Debian has no program for, unless it is asked for."""
    unasked = [name for name in ASKED_FOR if name not in config.option.markexpr]
    left_out = [each for each in items if any(map(each.get_closest_marker, unasked))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [each for each in items if each not in left_out]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A directory with bpfdoctor as it is now and all it needs, for a version of Python."""
    made: dict[str, Path] = {}

    def for_python(version: str) -> Path:
        if version not in made:
            made[version] = tmp_path_factory.mktemp(f"wheels-{version}")
            source = tmp_path_factory.mktemp("source") / "bpfdoctor"
            ignored = shutil.ignore_patterns(
                ".git", "build", "*.egg-info", "__pycache__", ".*_cache"
            )
            shutil.copytree(REPOSITORY, source, ignore=ignored, symlinks=True)
            pip("wheel", "-q", "--no-deps", "-w", str(made[version]), str(source))
            (wheel,) = made[version].glob("bpfdoctor-*.whl")
            pip(
                *("download", "-q", "-d", str(made[version]), "--only-binary=:all:"),
                *("--python-version", version, str(wheel)),
            )
        return made[version]

    return for_python


@pytest.fixture
def make_root(tmp_path: Path, wheels: Callable[[str], Path]) -> Iterator[Callable[[str], Root]]:
    """A fresh copy of a bare root, with bpfdoctor in it; unmounted and removed at the end."""
    made: list[Root] = []

    def make(suite: str, packages: Sequence[str] = ()) -> Root:
        require("debootstrap", "chroot", "mount")
        root = Root(tmp_path / f"{suite}-{len(made)}")
        made.append(root)
        subprocess.run(
            ["cp", "-a", "--reflink=auto", str(template(suite, packages)), str(root.path)],
            check=True,
        )
        root.mount()
        install(root, suite, wheels)
        return root

    yield make
    for root in made:
        root.unmount()
        with contextlib.suppress(OSError):
            shutil.rmtree(root.path)
