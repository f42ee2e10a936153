"""bpfdoctor in a bare root: in a virtual environment of the root's own Python, or of this one.

Where a release's Python is too old, the Python of these tests is bound into the root and runs there
through its own loader.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bare.root import VENV, Root
from bare.template import TOO_OLD

OUTER = "/opt/outer"
"""Where the Python of these tests is bound to."""


def install(root: Root, suite: str, wheels: Callable[[str], Path]) -> None:
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
    pip("install", "-q", "--target", str(target), *found)
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


def pip(*arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
