"""`bpfdoctor.toml` is read strictly, and believed only where its owner may say what a tree is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.projects.project_file import LIMIT, nearest_kind, read_project_file
from bpfdoctor.testing import FakeHost

EMBEDDED = '[project]\nkind = "embedded"\n'


def host() -> LiveHost:
    return LiveHost(Machine())


def kind_at(*places: Path, owner: int | None = None) -> str:
    found = nearest_kind(host(), map(str, places), os.geteuid() if owner is None else owner)
    return f"{found.kind.name} {found.path}" if found else ""


@pytest.mark.parametrize("name", ["embedded", "libbpf-bootstrap", "libbpf-bootstrap-2020"])
def test_a_file_names_a_known_kind(tmp_path: Path, name: str) -> None:
    (tmp_path / "bpfdoctor.toml").write_text(f'[project]\nkind = "{name}"\n\n[policy]\n')
    assert kind_at(tmp_path) == f"{name} {tmp_path}/bpfdoctor.toml"


def test_the_first_place_that_has_one_counts(tmp_path: Path) -> None:
    (tmp_path / "bpfdoctor.toml").write_text(EMBEDDED)
    (tmp_path / "below").mkdir()
    assert kind_at(tmp_path / "below", tmp_path) == f"embedded {tmp_path}/bpfdoctor.toml"
    (tmp_path / "below/bpfdoctor.toml").write_text(EMBEDDED)
    assert kind_at(tmp_path / "below", tmp_path) == f"embedded {tmp_path}/below/bpfdoctor.toml"


@pytest.mark.parametrize("text", ["", "# nothing\n", "[policy]\n"])
def test_one_without_a_project_leaves_the_answer_to_those_above(tmp_path: Path, text: str) -> None:
    (tmp_path / "bpfdoctor.toml").write_text(text)
    assert kind_at(tmp_path) == ""
    assert kind_at(tmp_path / "absent") == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[project]\nkind = "embeded"\n', "no project is called 'embeded'"),
        ("[project]\n", "kind"),
        ("[project]\nkind = 3\n", "str"),
        ('[project]\nkind = "embedded"\nat = "."\n', "`at`"),
        ('[build]\ncommand = ["make"]\n', "`build`"),
        ('[policy]\nrequired = ["kernel.btf"]\n', "`required`"),
        ('kind = "embedded"\n', "`kind`"),
        ("project = 1\n", "object"),
        ("[project\n", "line 1"),
        ("x = " + "[" * 5000 + "\n", ""),
    ],
)
def test_a_mistake_is_an_error_that_names_the_file(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "bpfdoctor.toml").write_text(text)
    with pytest.raises(BpfDoctorError, match=r"bpfdoctor\.toml: ") as caught:
        kind_at(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert says in caught.value.message
    assert caught.value.hint


def test_a_name_that_is_nearly_right_is_told(tmp_path: Path) -> None:
    (tmp_path / "bpfdoctor.toml").write_text('[project]\nkind = "embeded"\n')
    with pytest.raises(BpfDoctorError) as caught:
        kind_at(tmp_path)
    assert caught.value.hint == "did you mean embedded?"


def test_one_that_is_too_large_is_not_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "bpfdoctor.toml"
    path.write_text(EMBEDDED + "#" * (LIMIT - len(EMBEDDED)))
    assert kind_at(tmp_path)
    path.write_text(EMBEDDED + "#" * (LIMIT - len(EMBEDDED) + 1))
    with pytest.raises(BpfDoctorError, match="larger than 65,536 bytes"):
        kind_at(tmp_path)


def test_one_that_is_no_file_is_an_error_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bpfdoctor.toml")
    with pytest.raises(BpfDoctorError, match="cannot be read: refused"):
        kind_at(tmp_path)


def test_a_link_that_leads_nowhere_is_none(tmp_path: Path) -> None:
    (tmp_path / "bpfdoctor.toml").symlink_to("nowhere")
    assert kind_at(tmp_path) == ""


def test_a_strangers_file_is_not_believed_nor_read(
    tmp_path: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("root")
    monkeypatch.setattr(os, "geteuid", lambda: 777)
    path = tmp_path / "bpfdoctor.toml"
    path.write_text("no TOML")
    os.chown(path, 12345, 12345)
    assert kind_at(tmp_path, owner=54321) == ""
    path.write_text(EMBEDDED)
    assert kind_at(tmp_path, owner=54321) == ""
    assert kind_at(tmp_path, owner=12345)
    os.chown(path, 0, 0)
    assert kind_at(tmp_path, owner=54321)


def test_our_own_file_is_believed_in_a_strangers_directory(
    tmp_path: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("root")
    (tmp_path / "bpfdoctor.toml").write_text(EMBEDDED)
    os.chown(tmp_path / "bpfdoctor.toml", 12345, 12345)
    assert kind_at(tmp_path, owner=54321) == ""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert kind_at(tmp_path, owner=54321)


def test_a_machine_that_was_never_asked_has_none() -> None:
    never = FakeHost({}, otherwise=NoAnswer("not-recorded"))
    assert nearest_kind(never, ("/tree",), 0) is None


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "{a=" * 5000 + "1" + "}" * 5000])
def test_a_file_nested_deeper_than_is_read_is_refused_in_a_sentence(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "bpfdoctor.toml").write_text(text)
    with pytest.raises(BpfDoctorError) as caught:
        read_project_file(host(), str(tmp_path / "bpfdoctor.toml"))
    assert caught.value.message == f"{tmp_path}/bpfdoctor.toml: its values are nested too deep"


def test_a_file_that_is_asked_for_by_name_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BpfDoctorError, match="ENOENT"):
        read_project_file(host(), str(tmp_path / "bpfdoctor.toml"))
