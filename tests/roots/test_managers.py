"""dnf, zypper and pacman for real: Debian's packages of them, on repositories with true names."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from bare.managers import Made, become, build_rpms, drive

pytestmark = pytest.mark.roots
WANTED = ("clang>=11", "make", "libelf-headers", "zlib-headers", "bpftool")


RPMS = (
    Made("clang", "19.1.0", ("llvm-libs",)),
    Made("llvm-libs", "19.1.0"),
    Made("make"),
    Made("elfutils-libelf-devel"),
    Made("libelf-devel"),
    Made("zlib-devel"),
    Made("zlib-ng-compat-devel", provides=("zlib-devel = 1.3",)),
    Made("bpftool"),
    Made("glibc"),
    Made("unrelated"),
)


def installed(root: Any) -> set[str]:
    return set(root.must("rpm", "-qa", "--qf", "%{NAME}\n").split())


def repaired_and_taken_back(root: Any, expected: list[str], added: set[str]) -> dict[str, Any]:
    """The whole way: plan, apply, nothing left to plan, undo."""
    before = installed(root)
    outcome = drive(root, "apply", *WANTED)
    steps = outcome["plan"]["steps"]
    assert steps[-1]["packages"] == expected
    assert [each["result"] for each in outcome["applied"]["done"]] == ["done"] * len(steps)
    assert installed(root) - before == added
    assert {each.removesuffix(".noarch") for each in intended(root)} == added
    drive(root, "undo")
    assert installed(root) == before
    return outcome


def intended(root: Any) -> list[str]:
    """What the manager said beforehand that it would install, by the newest journal."""
    journals = root.inside("/root/.local/state/bpfdoctor").glob("*.jsonl")
    path = max(journals, key=lambda each: each.stat().st_mtime_ns)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    (found,) = (line["intended"] for line in lines if line.get("intended"))
    return list(found)


def conflicts_are_left_to_a_person(root: Any) -> None:
    """A package that the user has and that does not go with what is needed stays."""
    build_rpms(root, [Made("mine", conflicts=("make",))])
    root.must("rpm", "-i", "/srv/repository/noarch/mine-1.0-1.noarch.rpm")
    (last,) = drive(root, "apply", "make")["applied"]["done"]
    assert last["result"] == "failed"
    assert "conflict with one another or with what is installed" in last["text"]
    assert "mine" in installed(root)


DNF = "ID=fedora\nVERSION_ID=42\nPRETTY_NAME='Fedora 42'\n"


@pytest.fixture
def fedora(make_root: Callable[..., Any]) -> Any:
    """A root that calls itself Fedora, with dnf and one repository."""
    root = make_root("bookworm", ("dnf", "rpm", "createrepo-c"))
    become(root, DNF)
    build_rpms(root, RPMS)
    repository = "[test]\nname=test\nbaseurl=file:///srv/repository\ngpgcheck=0\n"
    (place := root.inside("/etc/yum.repos.d")).mkdir(parents=True, exist_ok=True)
    (place / "test.repo").write_text(repository)
    root.must("rpm", "-i", "/srv/repository/noarch/glibc-1.0-1.noarch.rpm")  # not an empty system
    return root


def test_dnf(fedora: Any) -> None:
    names = ["clang", "make", "elfutils-libelf-devel", "zlib-ng-compat-devel", "bpftool"]
    outcome = repaired_and_taken_back(fedora, names, {*names, "llvm-libs"})
    assert [s["id"] for s in outcome["plan"]["steps"]] == ["refresh", "packages"]
    assert outcome["plan"]["steps"][-1]["argv"] == ["dnf", "install", "-y", *names]
    conflicts_are_left_to_a_person(fedora)


def test_dnf_names_what_is_not_there_and_leaves_it_out(fedora: Any) -> None:
    fedora.must("dnf", "-q", "makecache")
    plan = drive(fedora, "plan", "make", "libbpf-headers")["plan"]
    assert plan["steps"][-1]["packages"] == ["make"]
    assert "libbpf-devel is not in the lists of dnf" in plan["manual"][0]["text"]


def test_dnf_takes_a_name_that_is_only_provided_for_installed(fedora: Any) -> None:
    """Fedora 39's name on a system where zlib-ng provides it."""
    fedora.inside("/etc/os-release").write_text(DNF.replace("42", "39"))
    fedora.must("dnf", "install", "-y", "-q", "zlib-ng-compat-devel")
    plan = drive(fedora, "plan", "zlib-headers")["plan"]
    assert plan["steps"] == []
    assert "zlib-devel is installed" in plan["manual"][0]["text"]


def test_dnf_removes_nothing_that_somebody_else_needs(fedora: Any) -> None:
    drive(fedora, "apply", "make")
    build_rpms(fedora, [Made("mine", requires=("make",))])
    fedora.must("rpm", "-i", "/srv/repository/noarch/mine-1.0-1.noarch.rpm")
    ended = fedora.run("/opt/bpfdoctor/bin/python", "/opt/drive.py", "undo")
    assert ended.returncode == 4, ended.stderr
    assert {"mine", "make"} <= installed(fedora)


def test_zypper(make_root: Callable[..., Any]) -> None:
    root = make_root("bookworm", ("zypper", "rpm", "createrepo-c"))
    become(root, "ID=opensuse-tumbleweed\nVERSION_ID=20260101\nPRETTY_NAME='openSUSE'\n")
    build_rpms(root, RPMS)
    root.must("zypper", "--non-interactive", "addrepo", "-G", "file:///srv/repository", "test")
    root.must("rpm", "-i", "/srv/repository/noarch/glibc-1.0-1.noarch.rpm")  # not an empty system
    names = ["clang", "make", "libelf-devel", "zlib-devel", "bpftool"]
    outcome = repaired_and_taken_back(root, names, {*names, "llvm-libs"})
    assert outcome["plan"]["steps"][0]["id"] == "refresh"
    plan = drive(root, "plan", "make", "libbpf-headers")["plan"]
    assert "libbpf-devel is not in the lists of zypper" in plan["manual"][0]["text"]
    conflicts_are_left_to_a_person(root)


def test_pacman(make_root: Callable[..., Any]) -> None:
    tools = ("pacman-package-manager", "makepkg", "libarchive-tools", "fakeroot", "zstd")
    root = make_root("bookworm", tools)
    become(root, "ID=arch\nPRETTY_NAME='Arch Linux'\n")
    root.must("useradd", "-m", "builder")
    packages = (
        Made("clang", "19.1.0", ("llvm-libs",)),
        *(Made(name) for name in ("llvm-libs", "make", "libelf", "zlib", "bpf", "unrelated")),
    )
    for made in packages:
        place = root.inside(f"/home/builder/{made.name}")
        place.mkdir()
        depends = " ".join(made.requires)
        (place / "PKGBUILD").write_text(
            f"pkgname={made.name}\npkgver={made.version}\npkgrel=1\narch=(any)\n"
            f"depends=({depends})\noptions=(!strip !debug)\npackage() {{ :; }}\n"
        )
        root.must("chown", "-R", "builder:builder", f"/home/builder/{made.name}")
        root.must("su", "builder", "-c", f"cd ~/{made.name} && makepkg -d --nocheck")
    root.must("sh", "-c", "mkdir /srv/repository && cp /home/builder/*/*.pkg.tar* /srv/repository")
    root.must("sh", "-c", "repo-add /srv/repository/test.db.tar.gz /srv/repository/*.pkg.tar*")
    root.inside("/etc/pacman.conf").write_text(
        "[options]\nArchitecture = auto\nSigLevel = Never\n"
        "[test]\nServer = file:///srv/repository\n"
    )
    own = "pacman -U --noconfirm /srv/repository/unrelated*.pkg.tar*"  # not an empty system
    root.must("sh", "-c", own)
    first = drive(root, "plan", "make")["plan"]["steps"][0]
    assert first["argv"] == ["pacman", "-Syu", "--noconfirm"]
    assert first["kind"] == "install"  # what it adds is recorded, and can be taken back
    assert first["title"].startswith("upgrade all that is installed")
    before = root.run("pacman", "-Qq").stdout
    lock = root.inside("/var/lib/pacman/db.lck")
    lock.touch()
    ended = root.run("/opt/bpfdoctor/bin/python", "/opt/drive.py", "apply", "make")
    assert "which a killed run left behind: remove it (sudo rm" in ended.stderr
    assert json.loads(ended.stdout)["applied"]["done"] == []
    lock.unlink()
    names = ["clang", "make", "libelf", "zlib", "bpf"]
    outcome = drive(root, "apply", *WANTED)
    assert outcome["plan"]["steps"][-1]["packages"] == names
    assert all(each["result"] == "done" for each in outcome["applied"]["done"])
    assert set(root.must("pacman", "-Qq").split()) == {*before.split(), *names, "llvm-libs"}
    assert set(intended(root)) == {*names, "llvm-libs"}
    assert drive(root, "plan", "make")["plan"]["steps"] == []
    drive(root, "undo")
    assert root.run("pacman", "-Qq").stdout == before
