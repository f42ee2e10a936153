"""Who runs whose commands as root is said, on standard error, once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Doctor = Callable[..., "CompletedProcess[str]"]


def test_root_is_told_that_its_path_is_another_users(
    doctor: Doctor, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    place = tmp_path / "b\x1b[2Jin"
    place.mkdir()
    os.chown(place, 65534, -1)
    environ = {"PATH": f"{place}:{place}:{os.environ['PATH']}"}
    ended = doctor("check", "--no-smoke", "--only", "kernel.release", "--json", environ=environ)
    said = [line for line in ended.stderr.splitlines() if "root's PATH" in line]
    assert len(said) == 1
    assert "user 65534" in said[0]
    assert "\x1b" not in said[0]
    assert json.loads(ended.stdout)["verdict"]["exit"] == ended.returncode == 0
    ended = doctor("undo", environ={**environ, "HOME": str(tmp_path)})
    assert [line for line in ended.stderr.splitlines() if "root's PATH" in line] == said
