"""The wheel and the source distribution hold what they should, file by file."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = ("*.py", "*.toml", "*.json", "*.c", "py.typed")
"""What the package is made of."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a wheel and a source distribution, built from a copy of this tree."""
    place = tmp_path_factory.mktemp("packaging")
    left_out = shutil.ignore_patterns(".git", "*.egg-info", "build", "dist", ".*_cache", ".venv*")
    shutil.copytree(ROOT, place / "tree", ignore=left_out, symlinks=True)
    code = (
        "import sys; from setuptools import build_meta as backend; place = sys.argv[1];"
        "backend.build_sdist(place); backend.build_wheel(place)"
    )
    argv = [sys.executable, "-c", code, str(place)]
    done = subprocess.run(argv, cwd=place / "tree", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place


def expected() -> set[str]:
    """The files of the package, as they are installed."""
    files = {p for pattern in DATA for p in (ROOT / "bpfdoctor").rglob(pattern)}
    ours = {str(p.relative_to(ROOT)) for p in files}
    checks = {f"bpfdoctor/checks/{p.name}" for p in (ROOT / "checks").glob("*.py")}
    return ours | checks


def wheel_names(built: Path) -> set[str]:
    (wheel,) = built.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    names = {name for name in wheel_names(built) if ".dist-info/" not in name}
    assert names == expected()


def test_the_wheel_has_checks_inside_the_package_alone(built: Path) -> None:
    names = wheel_names(built)
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"bpfdoctor"}
    assert any(name.startswith("bpfdoctor/checks/") for name in names)


def test_the_wheel_names_its_command_and_its_licences(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (points,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "bpfdoctor = bpfdoctor.cli:console" in archive.read(points).decode()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_source_distribution_builds_the_same(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    needed = {name.replace("bpfdoctor/checks/", "checks/") for name in expected()}
    assert needed | {"pyproject.toml", "README.md", "LICENSE", "bpfdoctor.toml"} <= names


def test_the_wheel_runs_where_nothing_else_of_the_clone_is(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from bpfdoctor.engine.load import load_checks, checks_directory\n"
        "loaded = load_checks()\n"
        "print(checks_directory(), len(loaded.checks), loaded.broken)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    place, count, broken = done.stdout.strip().split(" ", 2)
    assert place == str(tmp_path / "site" / "bpfdoctor" / "checks")
    assert int(count) > 0
    assert broken == "{}"
