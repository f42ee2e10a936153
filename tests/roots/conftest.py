"""Bare roots of distributions, built once with debootstrap and copied for each test.

They are kept outside the repository, in `BPFDOCTOR_ROOTS` or `~/.cache/bpfdoctor-roots`. The
mirror is that of this machine's own apt. A root holds Python and a virtual environment with
bpfdoctor as it is now; nothing that bpfdoctor should find missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PYTHONS = {"bookworm": "3.11", "trixie": "3.13", "sid": "3.13"}
VENV = "/opt/bpfdoctor"


class Root:
    """A root of its own for one test: commands run in it by chroot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C"}
        self.mounted: list[Path] = []

    def run(
        self, *argv: str, user: str = "", timeout: float = 900, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the root, and hand back what it printed."""
        as_user = (f"--userspec={user}:{user}",) if user else ()
        return subprocess.run(
            ["chroot", *as_user, str(self.path), *argv],
            env={**self.environ, **(extra or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=timeout,
            check=False,
        )

    def start(self, *argv: str, extra: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in the root: its PID is that of the command itself."""
        return subprocess.Popen(
            ["chroot", str(self.path), *argv],
            env={**self.environ, **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def must(self, *argv: str) -> str:
        """Run a command that has to succeed."""
        ended = self.run(*argv)
        assert ended.returncode == 0, f"{argv}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def bpfdoctor(
        self, *arguments: str, user: str = "", extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run bpfdoctor in the root."""
        return self.run(f"{VENV}/bin/bpfdoctor", *arguments, user=user, extra=extra)

    def inside(self, path: str) -> Path:
        """The place of an absolute path of the root."""
        return self.path / path.lstrip("/")

    def mount(self) -> None:
        """What every system has: proc, sys (without tracefs) and dev."""
        for kind, place in (("proc", "proc"), ("sysfs", "sys"), ("devtmpfs", "dev")):
            target = self.path / place
            argv = ["mount", "-t", kind, kind, str(target)]
            if kind == "devtmpfs":
                argv = ["mount", "--bind", "/dev", str(target)]
            subprocess.run(argv, check=True)
            self.mounted.append(target)

    def unmount(self) -> None:
        """Whatever is mounted below the root, deepest first."""
        for target in reversed(self.mounted):
            subprocess.run(["umount", "-R", str(target)], check=False, capture_output=True)
        left = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted((p for p in left if p.startswith(f"{self.path}/")), reverse=True):
            subprocess.run(["umount", "-l", place], check=False, capture_output=True)


def _require(*tools: str) -> None:
    """Skip loudly where a root cannot be built; an error where BPF is required."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if os.geteuid() != 0:
        missing.append("root")
    if missing:
        text = f"bare roots need {' '.join(missing)}"
        if os.environ.get("BPFDOCTOR_REQUIRE_BPF") == "1":
            pytest.fail(text)
        pytest.skip(f"{text}; BPFDOCTOR_REQUIRE_BPF=1 makes this an error")


def _cache() -> Path:
    chosen = os.environ.get("BPFDOCTOR_ROOTS")
    place = Path(chosen) if chosen else Path.home() / ".cache/bpfdoctor-roots"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _mirror() -> str:
    """The address of this machine's own mirror of Debian, as apt knows it."""
    argv = ["apt-get", "indextargets", "--no-release-info"]  # also where the lists are stale
    argv += ["--format", "$(CREATED_BY) $(REPO_URI)"]
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    packages = [line.split()[1] for line in found if line.startswith("Packages ")]
    mirrors = [uri for uri in packages if "security" not in uri]
    assert mirrors, "apt knows no mirror of Debian on this machine"
    return mirrors[0]


def _build(suite: str, target: Path) -> None:
    """Debootstrap a root and take away apt's lists, as an image of a distribution does."""
    building = target.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)
    included = "--include=python3,python3-venv,ca-certificates"
    argv = ["debootstrap", "--variant=minbase", included, suite, str(building), _mirror()]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    building.rename(target)


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
            _pip("wheel", "-q", "--no-deps", "-w", str(made[version]), str(source))
            (wheel,) = made[version].glob("bpfdoctor-*.whl")
            _pip(
                *("download", "-q", "-d", str(made[version]), "--only-binary=:all:"),
                *("--python-version", version, str(wheel)),
            )
        return made[version]

    return for_python


def _pip(*arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def make_root(tmp_path: Path, wheels: Callable[[str], Path]) -> Iterator[Callable[[str], Root]]:
    """A fresh copy of a bare root, with bpfdoctor in it; unmounted and removed at the end."""
    made: list[Root] = []

    def make(suite: str, packages: Sequence[str] = ()) -> Root:
        _require("debootstrap", "chroot", "mount")
        root = Root(tmp_path / f"{suite}-{len(made)}")
        made.append(root)
        subprocess.run(
            ["cp", "-a", "--reflink=auto", str(_template(suite, packages)), str(root.path)],
            check=True,
        )
        root.mount()
        house = wheels(PYTHONS[suite])
        _install(root, house.with_name(f"prepared-{suite}"), house)
        return root

    yield make
    for root in made:
        root.unmount()
        with contextlib.suppress(OSError):
            shutil.rmtree(root.path)


def _template(suite: str, packages: Sequence[str]) -> Path:
    """The root that copies are made of; with `packages`, one that holds these as well."""
    bare = _cache() / suite
    if not bare.is_dir():
        _build(suite, bare)
        _empty_lists(bare)
    if not packages:
        return bare
    target = _cache() / "-".join((suite, *packages))
    if not target.is_dir():
        building = target.with_suffix(".building")
        shutil.rmtree(building, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(bare), str(building)], check=True)
        root = Root(building)
        root.mount()
        try:
            root.must("apt-get", "update")
            root.must("apt-get", "install", "-y", "--no-install-recommends", *packages)
        finally:
            root.unmount()
        _empty_lists(building)
        building.rename(target)
    return target


def _empty_lists(root: Path) -> None:
    lists = root / "var/lib/apt/lists"
    shutil.rmtree(lists, ignore_errors=True)
    (lists / "partial").mkdir(parents=True)


def _install(root: Root, prepared: Path, wheelhouse: Path) -> None:
    """A virtual environment, made once a session and copied into every further root."""
    target = root.inside(VENV)
    if not prepared.is_dir():
        shutil.copytree(wheelhouse, root.inside("/opt/wheels"))
        root.must("python3", "-m", "venv", VENV)
        found = ("--no-index", "--find-links", "/opt/wheels", "bpfdoctor")
        root.must(f"{VENV}/bin/pip", "install", "-q", *found)
        shutil.rmtree(root.inside("/opt/wheels"))
        shutil.copytree(target, prepared, symlinks=True)
    else:
        shutil.copytree(prepared, target, symlinks=True)
