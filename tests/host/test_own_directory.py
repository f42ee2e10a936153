"""A directory of ours is reached through nothing that another user could change."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfdoctor.host.atomic_write import replace_file
from bpfdoctor.host.own_directory import NotOursError, own_directory, refuse_links_of_others
from bpfdoctor.host.path_walk import Component, components

BOB = 12345


@pytest.fixture
def place(tmp_path: Path, needs: Callable[..., None]) -> Path:
    """A directory of root's, below which others own something."""
    needs("root")
    return tmp_path


def given(path: Path, uid: int, mode: int = 0o755) -> Path:
    """A directory of that user's."""
    path.mkdir()
    path.chmod(mode)
    os.chown(path, uid, uid)
    return path


def test_what_is_missing_is_made_for_us_alone(tmp_path: Path) -> None:
    place = tmp_path / "a/b/c"
    assert own_directory(place) == place
    for made in (place, place.parent, place.parent.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_nothing_is_made_where_it_is_only_looked_at(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        own_directory(tmp_path / "a/b", make=False)
    assert os.listdir(tmp_path) == []


def test_a_home_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(FileNotFoundError, match=f"there is no directory {home}"):
        own_directory(home / ".cache/x", home=str(home))
    assert os.listdir(tmp_path) == []
    home.mkdir()
    assert own_directory(home / ".cache/x", home=str(home)).is_dir()
    assert own_directory(tmp_path / "beside", home=str(tmp_path / "absent")).is_dir()


@pytest.mark.parametrize("which", ["bob", "bob/ours", "bob/ours/inner"])
def test_below_a_directory_of_anothers_nothing_is_ours(place: Path, which: str) -> None:
    given(place / "bob", BOB)
    (place / "bob/ours/inner").mkdir(parents=True)
    with pytest.raises(NotOursError, match=rf"{place}/bob belongs to user {BOB} \(mode 0755\)"):
        own_directory(place / which)
    assert not (place / "bob/new").exists()


def test_what_root_keeps_for_us_may_lie_below_a_directory_of_ours(place: Path) -> None:
    """As another user than root: root is trusted, and any third one is not."""
    home = given(place / "home", BOB)
    assert own_directory(given(home / "mine", BOB, 0o700), uid=BOB, make=False)
    given(home / "roots", 0)
    assert own_directory(given(home / "roots/mine", BOB, 0o700), uid=BOB, make=False)
    with pytest.raises(NotOursError, match=r"roots belongs to root \(mode 0755\)"):
        own_directory(home / "roots", uid=BOB, make=False)
    given(home / "third", BOB + 1)
    with pytest.raises(NotOursError, match="third belongs to user 12346"):
        own_directory(given(home / "third/mine", BOB), uid=BOB, make=False)


@pytest.mark.parametrize(
    ("mode", "group", "good"),
    [
        (0o755, 0, True),
        (0o777, 0, False),
        (0o757, 0, False),
        (0o1777, 0, True),
        (0o775, 0, True),  # the group root's
        (0o775, BOB, False),
        (0o1775, BOB, True),
    ],
)
def test_where_others_may_write_they_may_rename_what_is_ours(
    place: Path, mode: int, group: int, good: bool
) -> None:
    (place / "open").mkdir()
    os.chown(place / "open", 0, group)
    (place / "open").chmod(mode)
    if good:
        assert own_directory(place / "open/x").is_dir()
        return
    with pytest.raises(NotOursError, match=rf"others may write to .*/open .*mode {mode:04o}"):
        own_directory(place / "open/x")
    assert os.listdir(place / "open") == []


@pytest.mark.parametrize(
    ("group", "name", "members", "good"),
    [
        (0, "root", ["x"], True),
        (BOB, "bob", [], True),
        (BOB, "bob", ["bob"], True),
        (BOB, "bob", ["bob", "x"], False),
        (BOB, "staff", [], False),
        (BOB + 1, "bob", [], False),
    ],
)
def test_a_group_that_is_ours_alone_may_write(  # noqa: PLR0917
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    group: int,
    name: str,
    members: list[str],
    good: bool,
) -> None:
    """Where the umask is 002, each user has a group of the same name."""
    bob = pwd.struct_passwd(("bob", "x", BOB, BOB, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: bob)
    theirs = grp.struct_group((name, "x", group, members))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: theirs)
    given(place / "x", BOB, 0o770)
    os.chown(place / "x", BOB, group)
    if good:
        assert own_directory(place / "x", uid=BOB, make=False)
        return
    with pytest.raises(NotOursError, match="others may write to"):
        own_directory(place / "x", uid=BOB, make=False)


def test_the_owner_of_the_root_is_root_where_the_hosts_is_out_of_sight(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a user namespace the host's root is shown as the overflow user."""
    given(place / "host", 65534)
    given(place / "host/mine", 0, 0o700)

    def in_namespace(path: str, *, make: bool) -> Iterator[Component]:
        for each in components(path, make=make):
            yield each._replace(facts=os.stat(place / "host")) if each.path == "/" else each

    with pytest.raises(NotOursError, match="host belongs to nobody"):
        own_directory(place / "host/mine")
    monkeypatch.setattr("bpfdoctor.host.own_directory.components", in_namespace)
    assert own_directory(place / "host/mine")


def test_a_list_of_access_may_let_others_write_where_the_group_seems_ours(
    place: Path,
) -> None:
    (place / "open").mkdir()
    anyone = 0xFFFFFFFF
    entries = ((1, 7, anyone), (2, 7, BOB), (4, 5, anyone), (16, 7, anyone), (32, 5, anyone))
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(place / "open", "system.posix_acl_access", packed)
    except OSError:
        pytest.skip("this file system keeps no lists of access")
    with pytest.raises(NotOursError, match="others may write to"):
        own_directory(place / "open/x")


def test_one_that_others_may_enter_is_closed_where_we_may_write(tmp_path: Path) -> None:
    place = tmp_path / "x"
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(NotOursError, match="others may write to"):
        own_directory(place, make=False)
    own_directory(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert own_directory(place, make=False) == place


def test_links_of_ours_are_followed_and_their_targets_looked_at(place: Path) -> None:
    (place / "data/home").mkdir(parents=True)
    (place / "home").symlink_to("data/home")
    (place / "data/home/.cache").symlink_to(place / "data/cache/../cache")
    (place / "data/cache").mkdir()
    assert own_directory(place / "home/.cache/x").is_dir()
    assert (place / "data/cache/x").is_dir()
    os.chown(place / "data/cache", BOB, BOB)
    with pytest.raises(NotOursError, match=f"{place}/data/cache belongs to user {BOB}"):
        own_directory(place / "home/.cache/y")


def test_a_link_of_anothers_is_never_followed(place: Path) -> None:
    (place / "here").mkdir()
    (place / "link").symlink_to("here")
    os.lchown(place / "link", BOB, BOB)
    with pytest.raises(NotOursError, match=f"{place}/link is a link that belongs to user {BOB}"):
        own_directory(place / "link/x")
    assert os.listdir(place / "here") == []


def test_the_directory_itself_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("here")
    with pytest.raises(NotOursError, match="link is a link"):
        own_directory(tmp_path / "link")


@pytest.mark.parametrize("path", ["", "x", "/", "a/b"])
def test_what_names_no_place_is_refused(path: str) -> None:
    with pytest.raises(NotOursError, match="not an absolute path"):
        own_directory(Path(path))


def test_what_leads_nowhere_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Too many levels"):
        own_directory(tmp_path / "loop/x")
    with pytest.raises(NotADirectoryError):
        own_directory(tmp_path / "file/x")
    with pytest.raises(NotADirectoryError):
        own_directory(tmp_path / "file")


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    before = os.listdir("/proc/self/fd")
    for name in ("loop/x", "good/x", "loop"):
        try:
            own_directory(tmp_path / name)
        except OSError:
            continue
    assert os.listdir("/proc/self/fd") == before


def test_a_file_is_not_written_through_a_link_of_anothers(place: Path) -> None:
    (place / "there").write_text("kept")
    (place / "report").symlink_to("there")
    refuse_links_of_others(str(place / "report"))
    os.lchown(place / "report", BOB, BOB)
    with pytest.raises(NotOursError, match=f"report is a link that belongs to user {BOB}"):
        refuse_links_of_others(str(place / "report"))
    given(place / "bob", BOB)
    refuse_links_of_others(str(place / "bob/report"))
    refuse_links_of_others("/dev/stdout")


def test_a_file_is_not_put_where_a_link_leads_that_another_made_behind_the_look(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    """`write_whole` looks for such links first, and then resolves the path."""
    needs("root")
    (tmp_path / "roots").mkdir()
    link = tmp_path / "bobs"
    link.symlink_to("roots")
    replace_file(link / "mine", b"")  # a link of root's
    os.lchown(link, 4711, 4711)
    with pytest.raises(NotOursError, match="is a link that belongs to user 4711"):
        replace_file(link / "his", b"")
    assert os.listdir(tmp_path / "roots") == ["mine"]
