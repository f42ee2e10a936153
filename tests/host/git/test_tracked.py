"""Whether git tracks a file, by real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bpfdoctor.host.git.tracked import AskTracked, KnownToGit
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer


@pytest.mark.parametrize(
    ("path", "tracked"), [("a/b.h", True), ("a/c.h", False), ("*.h", False), ("nowhere", False)]
)
def test_a_file_is_tracked_by_its_very_name_even_where_it_is_gone(
    tmp_path: Path, path: str, tracked: bool
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.h").write_text("")
    for words in (("init", "-q"), ("add", ".")):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    (tmp_path / "a/b.h").unlink()
    (tmp_path / "a/c.h").write_text("")
    assert AskTracked(str(tmp_path), path).put(Machine()) == KnownToGit(tracked)


def test_where_git_knows_nothing_there_is_no_answer(tmp_path: Path) -> None:
    assert isinstance(AskTracked(str(tmp_path), "a.h").put(Machine()), NoAnswer)
