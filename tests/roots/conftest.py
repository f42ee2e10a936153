"""Bare roots of distributions, built once with debootstrap and copied for each test.

They are kept outside the repository, in `BPFDOCTOR_ROOTS` or `~/.cache/bpfdoctor-roots`. The
mirror is that of this machine's own apt. A root holds Python and a virtual environment with
bpfdoctor as it is now; nothing that bpfdoctor should find missing.

`-m releases` adds the releases that are not tried by default, `-m apk` Alpine's package manager.
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
TOO_OLD = ("bullseye",)
"""Releases whose own Python is too old for bpfdoctor: the Python of these tests runs there."""
VENV = "/opt/bpfdoctor"
OUTER = "/opt/outer"
ASKED_FOR = ("releases", "apk")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, or what Debian has no program for, unless it is asked for."""
    unasked = [name for name in ASKED_FOR if name not in config.option.markexpr]
    left_out = [each for each in items if any(map(each.get_closest_marker, unasked))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [each for each in items if each not in left_out]


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
        """What every system has: proc, sys (without tracefs) and dev; the root is no mount."""
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
    python = "" if suite in TOO_OLD else ",python3,python3-venv"
    included = f"--include=ca-certificates{python}"
    argv = ["debootstrap", "--variant=minbase", included, suite, str(building), _mirror()]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    settings = building / "etc/apt/apt.conf.d/old-mirror"  # of sid's lists, one may have run out
    settings.write_text('Acquire::Check-Valid-Until "false";\n')
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
        _install(root, suite, wheels)
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


def _install(root: Root, suite: str, wheels: Callable[[str], Path]) -> None:
    """A virtual environment, made once a session and copied into every further root."""
    house = wheels(_python_version(root, suite))
    prepared = house.with_name(f"prepared-{suite}")
    if suite in TOO_OLD:
        _bring_python(root)
    if prepared.is_dir():
        shutil.copytree(prepared, root.inside(VENV), symlinks=True)
        return
    if suite in TOO_OLD:
        _install_for_outer(root, house)
    else:
        _install_for_own(root, house)
    shutil.copytree(root.inside(VENV), prepared, symlinks=True)


def _python_version(root: Root, suite: str) -> str:
    if suite in TOO_OLD:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    says = "import sys; print('%d.%d' % sys.version_info[:2])"
    return root.must("python3", "-c", says).strip()


def _install_for_own(root: Root, house: Path) -> None:
    """With the root's own Python."""
    shutil.copytree(house, root.inside("/opt/wheels"))
    root.must("python3", "-m", "venv", VENV)
    found = ("--no-index", "--find-links", "/opt/wheels", "bpfdoctor")
    root.must(f"{VENV}/bin/pip", "install", "-q", *found)
    shutil.rmtree(root.inside("/opt/wheels"))


def _libraries() -> tuple[Path, list[Path]]:
    """The loader of this very Python, and the directories of the libraries that it mapped."""
    mapped = [line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    paths = [Path(each) for each in dict.fromkeys(mapped) if ".so" in each]
    (loader,) = (path for path in paths if path.name.startswith("ld-"))
    return loader, list(dict.fromkeys(p.parent for p in paths if not p.is_relative_to(sys.prefix)))


def _bring_python(root: Root) -> None:
    """Bind this Python and the libraries that it needs into the root, read-only."""
    places: list[Path] = []
    for place in sorted({Path(sys.base_prefix), *_libraries()[1]}):
        if not any(place.is_relative_to(each) for each in places):
            places.append(place)
    for place in places:
        target = root.inside(f"{OUTER}{place}")
        target.mkdir(parents=True)
        subprocess.run(["mount", "--bind", "-o", "ro", str(place), str(target)], check=True)
        root.mounted.append(target)


def _install_for_outer(root: Root, house: Path) -> None:
    """As `venv` lays it out; only that `python` starts the outer one through its own loader."""
    loader, libraries = _libraries()
    version = f"python{_python_version(root, TOO_OLD[0])}"
    found = ("--no-index", "--find-links", str(house), "bpfdoctor")
    target = root.inside(f"{VENV}/lib/{version}/site-packages")
    _pip("install", "-q", "--target", str(target), *found)
    home = f"{OUTER}{sys.base_prefix}/bin"
    root.inside(f"{VENV}/pyvenv.cfg").write_text(f"home = {home}\n")
    search = ":".join(f"{OUTER}{each}" for each in libraries)
    start = f'{OUTER}{loader} --argv0 "$0" --library-path {search} {home}/{version} "$@"'
    main = "import sys\nfrom bpfdoctor.cli import main\nsys.exit(main())"
    _script(root, "python", "/bin/sh", f"exec {start}")
    _script(root, "bpfdoctor", f"{VENV}/bin/python", main)


def _script(root: Root, name: str, interpreter: str, text: str) -> None:
    path = root.inside(f"{VENV}/bin/{name}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)
