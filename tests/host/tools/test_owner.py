"""Whose a file is: the real dpkg, and what the other managers print."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.owner import AskOwner, Owner


def test_dpkg_knows_whose_a_file_is_and_that_it_is_there(needs: Callable[..., None]) -> None:
    needs("dpkg-query")
    answer = AskOwner(("/nonexistent", "/usr/bin/dpkg-query")).put(Machine())
    assert answer == Owner("dpkg", "/usr/bin/dpkg-query", True)


def test_dpkg_finds_a_file_by_a_pattern(needs: Callable[..., None]) -> None:
    needs("dpkg-query")
    answer = AskOwner(("/usr/bin/dpkg-quer*",)).put(Machine())
    assert isinstance(answer, Owner)
    assert answer.path == "/usr/bin/dpkg-query"


@pytest.mark.parametrize(
    ("manager", "says", "status", "package"),
    [
        ("rpm", "glibc-devel\n", 0, "glibc-devel"),
        ("rpm", "file /gone/elf.h is not owned by any package\n", 1, ""),
        ("pacman", "glibc\n", 0, "glibc"),
        ("pacman", "", 0, ""),
        ("pacman", "error: No package owns /gone/elf.h\n", 1, ""),
        ("apk", "musl-dev-1.2.5-r0\n", 0, "musl-dev"),
        ("apk", "musl-dev\n", 0, "musl-dev"),
        ("dpkg-query", "libc6-dev:amd64: /gone/elf.h\n", 0, "libc6-dev"),
        ("dpkg-query", "libc6-dev:amd64: /gone/elf.h\n", 1, "libc6-dev"),
        ("dpkg-query", "diversion by dash from: /gone/elf.h\n", 0, ""),
        ("dpkg-query", "\\377\\000junk\n", 0, ""),
    ],
)
def test_each_manager_is_read_as_it_prints(
    tmp_path: Path, manager: str, says: str, status: int, package: str
) -> None:
    (tmp_path / "said").write_bytes(
        says.encode("latin-1").decode("unicode_escape").encode("latin-1")
    )
    for name in ("sh", "cat"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    (tmp_path / manager).write_text(f"#!/bin/sh\ncat {tmp_path}/said\nexit {status}\n")
    (tmp_path / manager).chmod(0o755)
    answer = AskOwner(("/gone/elf.h",)).put(Machine({"PATH": str(tmp_path)}))
    expected = Owner(package, "/gone/elf.h", False) if package else None
    assert answer == expected or (expected is None and isinstance(answer, NoAnswer))


def test_of_a_link_the_file_that_it_leads_to_counts(tmp_path: Path) -> None:
    """As /usr/bin/as: the link is there, and what is gone is another package's."""
    (tmp_path / "as").symlink_to(tmp_path / "real-as")
    script = f'case "$2" in {tmp_path}/real-as) echo "behind: $2";; *) echo "link: $2";; esac'
    (tmp_path / "dpkg-query").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "dpkg-query").chmod(0o755)
    machine = Machine({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    question = AskOwner((f"{tmp_path}/as",))
    assert question.put(machine) == Owner("behind", f"{tmp_path}/real-as", False)
    (tmp_path / "real-as").write_text("")
    assert question.put(machine) == Owner("behind", f"{tmp_path}/real-as", True)


def test_without_a_manager_nobody_is_known_to_own_it(tmp_path: Path) -> None:
    answer = AskOwner(("/usr/include/elf.h",)).put(Machine({"PATH": str(tmp_path)}))
    assert isinstance(answer, NoAnswer)
    assert answer.absent
