"""With another's HOME (`sudo -E`, `su -p`) our own is used, and it is said whose that was."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.cache import default_cache
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.own_home import own_home
from bpfdoctor.host.redact import Redactor

BOB = 12345


@pytest.fixture
def bobs(tmp_path: Path, needs: Callable[..., None]) -> Path:
    """The home of a user who is not root."""
    needs("root")
    place = tmp_path / "bob"
    (place / ".cache").mkdir(parents=True)
    for each in (place / ".cache", place):
        os.chown(each, BOB, BOB)
    return place


ROOTS = pwd.getpwuid(0).pw_dir


def test_root_uses_its_own_home_in_the_place_of_anothers(bobs: Path) -> None:
    found = own_home({"HOME": str(bobs), "PATH": "p"})
    assert found.environ == {"HOME": ROOTS, "PATH": "p"}
    assert found.others == (str(bobs),)
    told = f"HOME is {bobs}, which belongs to user {BOB}; root's own {ROOTS} is used"
    assert found.sentence == told


@pytest.mark.parametrize(
    "name",
    [
        "XDG_CACHE_HOME",
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "CARGO_HOME",
        "RUSTUP_HOME",
    ],
)
@pytest.mark.parametrize("inner", ["", "/.cache", "/not-there-yet"])
def test_a_part_of_the_home_that_is_anothers_is_left_out(bobs: Path, name: str, inner: str) -> None:
    found = own_home({"HOME": "/nonexistent", name: f"{bobs}{inner}"})
    assert found.environ == {"HOME": "/nonexistent"}
    assert f"{name} is {bobs}{inner}" in found.sentence
    assert f"{bobs}" in found.others[0]


def test_a_user_may_share_the_toolchains_of_another(
    bobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    environ = {"HOME": "/nonexistent", "RUSTUP_HOME": str(bobs), "CARGO_HOME": str(bobs)}
    assert own_home(environ).environ == environ


def test_a_home_that_another_could_exchange_is_anothers(bobs: Path, tmp_path: Path) -> None:
    (bobs / "roots").mkdir()
    found = own_home({"HOME": f"{bobs}/roots"})
    assert found.environ["HOME"] == ROOTS
    told = f"HOME is {bobs}/roots, and {bobs} belongs to user {BOB}"
    assert found.sentence.startswith(told)
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to("mine")
    assert own_home({"HOME": f"{tmp_path}/link"}).sentence == ""
    os.lchown(tmp_path / "link", BOB, BOB)
    assert own_home({"HOME": f"{tmp_path}/link"}).environ["HOME"] == ROOTS


@pytest.mark.parametrize(
    "home", [None, "", "~", "relative/home", "/nonexistent/home", "/etc/passwd"]
)
def test_what_is_nobodys_home_is_left_as_it_is(home: str | None) -> None:
    environ = {} if home is None else {"HOME": home}
    if os.geteuid() == 0:
        assert own_home(environ) == (environ, (), "")


def test_a_home_that_the_administrator_gave_us_is_ours(
    bobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it belongs to another: several accounts may share one."""
    entry = pwd.struct_passwd(("x", "x", 0, 0, "", f"{bobs}", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    assert own_home({"HOME": f"{bobs}/"}).sentence == ""


@pytest.mark.parametrize("mine", [True, False])
def test_roots_home_is_left_for_our_own_where_we_have_one(
    bobs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: bool
) -> None:
    """`su -p` from root to bob."""
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o755)
    home = bobs if mine else tmp_path / "absent"
    entry = pwd.struct_passwd(("bob", "x", BOB, BOB, "", str(home), "/bin/sh"))
    roots = pwd.getpwuid(0)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry if uid == BOB else roots)
    monkeypatch.setattr(os, "geteuid", lambda: BOB)
    found = own_home({"HOME": "/root"})
    assert found.environ["HOME"] == (str(bobs) if mine else "/root")
    told = f"HOME is /root, which belongs to root; bob's own {bobs} is used"
    assert found.sentence == (told if mine else "")


def test_commands_get_our_home_and_both_are_redacted(bobs: Path) -> None:
    (bobs / ".gitconfig").write_text("[core]\n\tsshCommand = touch /pwned\n")
    machine = Machine({"HOME": str(bobs), "PATH": os.environ["PATH"]})
    assert b"/pwned" not in machine.run(("git", "config", "--list")).stdout
    assert machine.environ["HOME"] == ROOTS
    told = Redactor.of(machine).text(f"{bobs}/.cache/x and {ROOTS}/.cache/x")
    assert told == "~/.cache/x and ~/.cache/x"


def test_root_makes_no_cache_in_anothers_home(bobs: Path) -> None:
    """Nor behind a link that another has put there."""
    (bobs / ".cache").rmdir()
    assert default_cache({"HOME": str(bobs)}) is None
    (bobs / ".cache").symlink_to(bobs.parent)
    os.lchown(bobs / ".cache", BOB, BOB)
    assert default_cache({"HOME": str(bobs)}) is None
    assert os.listdir(bobs) == [".cache"]
    assert os.listdir(bobs.parent) == ["bob"]


def test_it_is_said_once_whose_home_it_was(bobs: Path) -> None:
    ran = subprocess.run(
        (sys.executable, "-m", "bpfdoctor", "check", "--no-cache", "--only", "kernel.release"),
        env={**os.environ, "HOME": str(bobs)},
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    told = f"HOME is {bobs}, which belongs to user {BOB}; root's own {ROOTS} is used"
    assert ran.stderr.count(told) == 1
