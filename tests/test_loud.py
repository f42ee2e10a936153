"""What a test needs and is not here is named, and where nothing may be missing it is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from loud import REQUIRED, require

HELPERS = Path(__file__).parent / "helpers"
ASKS = "import loud, sys; loud.require(*sys.argv[1:])"


@pytest.fixture(autouse=True)
def _allowed_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)


def test_all_that_lacks_is_named_at_once() -> None:
    with pytest.raises(pytest.skip.Exception) as skipped:
        require("sh", "no-such-tool", "bpf/no-such-header.h", "other-tool")
    assert str(skipped.value).startswith(
        "needs no-such-tool, the header <bpf/no-such-header.h>, other-tool; "
    )


def test_what_is_here_skips_nothing() -> None:
    require("sh", "stdio.h")


def test_what_is_missing_where_nothing_may_be_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="the header <no-such-header"):
        require("no-such-header.h")


def test_without_a_compiler_a_header_is_missing_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="the header <stdlib"):
        require("stdlib.h")


def test_in_a_plain_chroot_no_mount_namespace_is_had(tmp_path: Path) -> None:
    require("root", "unshare", "chroot")
    said = in_a_chroot(tmp_path, [sys.executable, "-c", ASKS, "root", "unshare"])
    assert "Skipped: needs a mount namespace (unshare: " in said
    assert not in_a_chroot(tmp_path, [sys.executable, "-c", ASKS, "root", "sh"])


def in_a_chroot(place: Path, argv: list[str]) -> str:
    """What a command says in a directory with this machine's files that is no mount point."""
    script = """
for each in /*; do
    [ -d "$each" ] || continue
    mkdir -p "$0$each" && mount --rbind "$each" "$0$each" || exit 9
done
exec chroot "$0" "$@"
"""
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, str(place), *argv],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HELPERS)},
    )
    assert ended.returncode != 9, ended.stderr
    return ended.stderr
