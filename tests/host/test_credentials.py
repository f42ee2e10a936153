"""As whom a path is opened: whoever else than root may choose what it leads to."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host import credentials
from bpfdoctor.host.credentials import (
    NO_GROUP,
    Credentials,
    credentials_of,
    owner_on_the_way,
    owner_to_become,
)

BOB, ALICE = 4711, 4712


@pytest.fixture
def place(tmp_path: Path, needs: Callable[..., None]) -> Path:
    """A directory of bob's that holds a file, a directory of alice's and one of root's."""
    needs("root")
    bobs = tmp_path / "bobs"
    for name in ("", "his", "alices", "roots"):
        (bobs / name).mkdir()
        (bobs / name / "file").touch()
    for path in (bobs, bobs / "file", bobs / "his", bobs / "his/file"):
        os.chown(path, BOB, BOB)
    os.chown(bobs / "alices", ALICE, ALICE)
    return tmp_path


def uid(path: Path | str) -> int:
    found = owner_on_the_way(str(path))
    return found.uid if found else 0


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("", 0),
        ("absent", 0),
        ("bobs", BOB),
        ("bobs/file", BOB),
        ("bobs/absent/deeper", BOB),
        ("bobs/his/file", BOB),
        ("bobs/roots/file", BOB),  # he may rename that directory
        ("bobs/alices/file", ALICE),
        ("bobs/../bobs/file", BOB),
        ("bobs/file/x", BOB),
    ],
)
def test_the_innermost_directory_of_another_counts(place: Path, path: str, owner: int) -> None:
    assert uid(f"{place}/{path}") == owner


def test_a_link_is_followed_where_root_has_made_it_and_is_its_makers_choice_elsewhere(
    place: Path,
) -> None:
    (place / "mine").symlink_to("bobs/his")
    (place / "bobs/to_alice").symlink_to("alices")
    (place / "bobs/to_etc").symlink_to("/etc")
    (place / "planted").symlink_to("/etc")
    os.lchown(place / "planted", BOB, BOB)
    (place / "loop").symlink_to("loop")
    assert uid(place / "mine/file") == BOB
    assert uid(place / "bobs/to_alice/file") == BOB
    assert uid(place / "bobs/to_etc/shadow") == BOB
    assert uid(place / "planted/shadow") == BOB
    assert uid(place / "loop") == 0


def test_dots_behind_a_link_lead_where_the_kernel_goes(place: Path) -> None:
    (place / "elsewhere").mkdir()
    (place / "bobs/out").symlink_to("../elsewhere")
    assert uid(place / "bobs/out/../bobs") == BOB


def test_a_relative_path_begins_where_we_are(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place / "bobs")
    assert uid("roots/file") == BOB
    assert uid("../file") == BOB


def test_a_file_of_another_that_root_has_put_somewhere_is_roots_choice(place: Path) -> None:
    (place / "given").touch()
    os.chown(place / "given", BOB, BOB)
    assert uid(place / "given") == 0
    place.chmod(0o1777)
    assert uid(place / "given") == BOB  # there he may put a link in its place


def test_what_anybody_may_yet_make_is_not_there(place: Path) -> None:
    place.chmod(0o1777)
    with pytest.raises(FileNotFoundError):
        owner_on_the_way(f"{place}/absent")
    place.chmod(0o755)
    assert uid(place / "absent") == 0


def test_only_root_becomes_another(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert owner_to_become(str(place / "bobs")) == Credentials(BOB, NO_GROUP)
    assert owner_to_become(str(place)) is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert owner_to_become(str(place / "bobs")) is None
    assert owner_on_the_way(str(place / "bobs")) is None


def test_behind_a_link_of_anothers_he_acts_whosever_it_is_that_lies_there(place: Path) -> None:
    (place / "bobs/to_root").symlink_to(place)
    (place / "bobs/to_alice").symlink_to("alices")
    for name in ("to_root", "to_alice"):
        os.lchown(place / "bobs" / name, BOB, BOB)
        assert owner_to_become(str(place / "bobs" / name)) == Credentials(BOB, NO_GROUP)
    (place / "mine").symlink_to("bobs/alices")
    assert owner_to_become(str(place / "mine")) == Credentials(ALICE, NO_GROUP)
    assert owner_to_become(str(place / "bobs/roots")) is None


def test_a_directory_that_is_exchanged_for_a_link_meanwhile_is_never_roots(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, tree = place / "bobs/link", place / "bobs/his"
    link.symlink_to(place)
    os.lchown(link, BOB, BOB)
    looked_at = os.stat

    def exchanged(path: str, **options: int) -> os.stat_result:
        """As of the link, while what stands there for all else is the directory."""
        return looked_at(link if path == str(tree) else path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", exchanged)
    assert owner_to_become(str(tree)) == Credentials(BOB, NO_GROUP)


def test_who_has_no_number_here_is_nobody_to_become(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_mapped", lambda number: number != BOB)
    assert owner_to_become(str(place / "bobs")) is not None  # but nothing is run as root there
    assert uid(place / "bobs/his/file") == 0
    assert uid(place / "bobs/alices/file") == ALICE


def test_a_user_has_the_groups_of_a_login_and_not_those_of_the_directory(place: Path) -> None:
    known = pwd.getpwnam("nobody")
    os.chown(place / "bobs", known.pw_uid, 0)
    found = owner_to_become(str(place / "bobs"))
    assert found is not None
    assert (found.uid, found.gid) == (known.pw_uid, known.pw_gid)
    assert found.groups == tuple(sorted(os.getgrouplist("nobody", known.pw_gid)))
    assert credentials_of(3_999_999_999) == Credentials(3_999_999_999, NO_GROUP)
