"""Crates of a real lock file, looked for in a cache laid out as cargo lays it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.crates import AskCrates, Crates

REVISION = "a9c092aa771310bf8b00b5018f7d40a1fdb6ec82"
LOCK = f"""\
version = 3

[[package]]
name = "anyhow"
version = "1.0.75"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"

[[package]]
name = "headers"
version = "0.1.0"
source = "git+https://example.org/headers.git?rev={REVISION}#{REVISION}"

[[package]]
name = "ours"
version = "0.1.0"
dependencies = ["anyhow", "headers"]
"""


@pytest.fixture
def lock(tmp_path: Path) -> str:
    path = tmp_path / "Cargo.lock"
    path.write_text(LOCK)
    return str(path)


def put(lock: str, **variables: str) -> Crates | NoAnswer:
    return AskCrates(lock).put(Machine(variables))


def keep(home: Path, *paths: str) -> Path:
    for path in paths:
        (home / path).mkdir(parents=True)
    return home


def test_what_cargo_never_fetched_is_named_and_the_trees_own_packages_are_not(
    lock: str, tmp_path: Path
) -> None:
    answer = put(lock, HOME=str(tmp_path))
    assert answer == Crates(2, ("anyhow 1.0.75", "headers 0.1.0"))
    assert answer.shown().startswith("0 of 2 crates")


def test_a_crate_counts_in_any_registry_and_a_revision_by_its_beginning(
    lock: str, tmp_path: Path
) -> None:
    crate = "registry/cache/index.crates.io-1949cf8c6b5b557f/anyhow-1.0.75.crate"
    home = keep(tmp_path / ".cargo", crate, f"git/checkouts/headers-0123/{REVISION[:7]}")
    assert put(lock, HOME=str(tmp_path)) == Crates(2)
    assert put(lock, HOME="/nonexistent", CARGO_HOME=str(home)) == Crates(2)


def test_another_version_is_another_crate(lock: str, tmp_path: Path) -> None:
    keep(tmp_path / ".cargo", "registry/cache/x/anyhow-1.0.76.crate", "git/checkouts/h/fffffff")
    assert put(lock, HOME=str(tmp_path)) == Crates(2, ("anyhow 1.0.75", "headers 0.1.0"))


@pytest.mark.parametrize("text", ["[[package", "package = 1", '[[package]]\nname = "a"\n', "\xff"])
def test_what_is_no_lock_file_is_no_answer(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Cargo.lock"
    path.write_bytes(text.encode("latin-1"))
    answer = put(str(path))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "broken"


def test_without_a_lock_file_there_is_no_answer(tmp_path: Path) -> None:
    answer = put(str(tmp_path / "Cargo.lock"))
    assert isinstance(answer, NoAnswer)
    assert answer.absent
