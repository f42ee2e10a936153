"""Access as another user: with that user's groups, and back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host import acting
from bpfdoctor.host.acting import acting_as, may
from bpfdoctor.host.credentials import Credentials

NOBODY = Credentials(65534, 65534)


@pytest.fixture(params=["faccessat2", "permission bits"])
def either_way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, needs: Callable[..., None]
) -> None:
    """With the system call, and as where the kernel or a filter does not know it."""
    needs("root")
    if request.param == "permission bits":
        monkeypatch.setattr(acting, "_knows_faccessat2", lambda: False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    (tmp_path / "it").mkdir()
    return tmp_path / "it"


@pytest.mark.parametrize(
    ("owner", "group", "mode", "error"),
    [
        (65534, 0, 0o755, ""),
        (65534, 0, 0o555, "EACCES"),
        (0, 65534, 0o775, ""),
        (0, 65534, 0o757, "EACCES"),  # the group's bits count for its members, not the others'
        (0, 0, 0o755, "EACCES"),
        (0, 0, 0o777, ""),
    ],
)
@pytest.mark.usefixtures("either_way")
def test_the_other_users_rights_decide(
    place: Path, owner: int, group: int, mode: int, error: str
) -> None:
    os.chown(place, owner, group)
    place.chmod(mode)
    with acting_as(NOBODY):
        assert may(str(place), os.W_OK | os.X_OK) == error
    assert may(str(place), os.W_OK | os.X_OK) == ""  # root again


@pytest.mark.usefixtures("either_way")
def test_what_is_not_there_is_absent(place: Path) -> None:
    assert may(f"{place}/absent", os.W_OK) == "ENOENT"


def test_a_user_has_the_groups_of_a_login(place: Path, needs: Callable[..., None]) -> None:
    needs("root")
    os.chown(place, 0, 4321)
    place.chmod(0o775)
    before = os.getgroups()
    with acting_as(NOBODY):
        assert may(str(place), os.W_OK) == "EACCES"
    with acting_as(Credentials(65534, 65534, (4321,))):
        assert may(str(place), os.W_OK) == ""
        with acting_as(NOBODY):  # within, and back
            assert may(str(place), os.W_OK) == "EACCES"
        assert may(str(place), os.W_OK) == ""
    assert os.getgroups() == before
