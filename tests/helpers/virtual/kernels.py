"""Debian's own kernels, unpacked: the image, its configuration, and the modules that tests need."""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from virtual.packages import HOME, Suite, alone

MODULES = ("sch_ingress", "cls_bpf", "act_bpf", "dummy")
"""What the programs under test need beyond the image: tc's modules."""

PATTERNS = {
    "5.10": ("bullseye", r"^linux-image-5\.10\..*-cloud-amd64$"),
    "6.1": ("bookworm", r"^linux-image-6\.1\..*-cloud-amd64$"),
    "6.12": ("trixie", r"^linux-image-6\.12\..*-cloud-amd64$"),
    "newest": ("sid", r"^linux-image-[0-9][^-]*.*-cloud-amd64$"),
}
"""Suite and package of each kernel of the matrix; `newest` is whatever sid has."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted: its image and the tree to put into the guest."""

    release: str
    image: Path
    tree: Path


def kernel(name: str) -> Kernel:
    """Fetch and unpack a kernel of the matrix, once."""
    suite_name, pattern = PATTERNS[name]
    place = HOME / "kernels" / name
    with alone():
        if not (place / "done").exists():
            _fetch(Suite(suite_name), pattern, place)
    release = (place / "done").read_text()
    images = [*place.glob("raw/boot/vmlinuz*"), *place.glob("raw/usr/lib/modules/*/vmlinuz")]
    return Kernel(release, images[0], place / "tree")


def _fetch(suite: Suite, pattern: str, place: Path) -> None:
    package = suite.names(pattern)[-1]
    release = package.removeprefix("linux-image-")
    packages = [package]
    # From 6.19 on the image package is empty: image, modules and configuration are in others.
    if f"linux-binary-{release} " in suite.depends(package):
        known = suite.names(rf"^linux-(binary|modules|base)-{re.escape(release)}$")
        packages = known
    shutil.rmtree(place, ignore_errors=True)
    suite.unpack(packages, place / "raw")
    _lay_out(place, release)
    (place / "done").write_text(release)


def _lay_out(place: Path, release: str) -> None:
    """The guest's part: /boot/config-*, the modules that are wanted, and their index."""
    raw, tree = place / "raw", place / "tree"
    modules = next(
        path
        for path in (raw / "lib/modules" / release, raw / "usr/lib/modules" / release)
        if path.is_dir()
    )
    target = tree / "usr/lib/modules" / release
    target.mkdir(parents=True)
    (tree / "boot").mkdir()
    for config in (*raw.glob("boot/config-*"), *modules.glob("config")):
        inside = tree / "boot" / config.name if config.parent.name == "boot" else target / "config"
        shutil.copy(config, inside)
    for path in _wanted_modules(modules):
        copy = target / path.relative_to(modules)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for index in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        if (modules / index).exists():
            shutil.copy(modules / index, target)
    (tree / "lib").symlink_to("usr/lib")
    subprocess.run(["depmod", "-b", tree, release], check=True, capture_output=True)
    (tree / "lib").unlink()


def _wanted_modules(modules: Path) -> list[Path]:
    by_name = {
        path.name.partition(".ko")[0].replace("-", "_"): path for path in modules.rglob("*.ko*")
    }
    todo = [name for name in MODULES if name in by_name]
    found: dict[str, Path] = {}
    while todo:
        name = todo.pop()
        if name in found or name not in by_name:
            continue
        found[name] = by_name[name]
        data = by_name[name].read_bytes()
        if by_name[name].suffix == ".xz":
            data = lzma.decompress(data)
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        todo += depends.group(1).decode().replace("-", "_").split(",") if depends else []
    return list(found.values())
