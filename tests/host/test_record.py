"""A snapshot answers as the machine did; whatever is not one is refused in a sentence."""

from __future__ import annotations

import errno
import gc
import json
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host import record
from bpfdoctor.host.catalog import decode, encode, question_kinds, to_answer, to_question
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Answer, NoAnswer, Question, answer_type, evidence
from bpfdoctor.host.record import (
    SIZE_LIMIT,
    RecordedHost,
    RecordingHost,
    Snapshot,
    read_snapshot,
    write_whole,
)
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.system.files import FileText, ListDirectory, LookAt, PathFacts, ReadFile
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.search import FindTool, ToolPath
from bpfdoctor.model import Tool


def snapshot_of(host: RecordingHost, **options: Any) -> Snapshot:
    tool = Tool("bpfdoctor", "0")
    return Snapshot(tool, "3.11.2", "2024-05-06T07:08:09Z", 1.5, options, host.answers)


def recorded(tmp_path: Path, host: RecordingHost, redactor: Redactor) -> RecordedHost:
    snapshot_of(host).write(tmp_path / "snapshot", redactor)
    return RecordedHost(read_snapshot(tmp_path / "snapshot"))


def follow(host: Any, checkout: str) -> list[tuple[Question[Any], Answer]]:
    """What a check does: ask, and ask on with what it was told."""
    makefile = ReadFile(f"{checkout}/Makefile")
    told = host.ask(makefile)
    assert isinstance(told, FileText)
    tool = FindTool(told.text.strip())
    found = host.ask(tool)
    assert isinstance(found, ToolPath)
    run = RunCommand((found.path, "--version"), cwd=checkout)
    return [(makefile, told), (tool, found), (run, host.ask(run))]


def test_replay_gives_what_the_redacted_run_gave(tmp_path: Path) -> None:
    home = tmp_path / "zelda smith"  # a path that a shell needs quotes for
    checkout = home / "tree"
    checkout.mkdir(parents=True)
    tool = home / "clang"
    tool.write_text(f"#!/bin/sh\necho clang of zelda in '{checkout}'\n")
    tool.chmod(0o755)
    (checkout / "Makefile").write_text(f"{tool}\n")
    redactor = Redactor(str(checkout), str(home), user="zelda")

    live = RecordingHost(LiveHost(Machine()))
    seen = [redactor.value(evidence(*pair)) for pair in follow(live, str(checkout))]
    replay = recorded(tmp_path, live, redactor)
    again = [Redactor().value(evidence(*pair)) for pair in follow(replay, "$CHECKOUT")]

    assert seen == again
    assert seen[2].source == "$ ~/clang --version"
    assert seen[2].text == "clang of $USER in $CHECKOUT\n".rstrip()
    assert "zelda" not in (tmp_path / "snapshot").read_text()


def test_what_was_not_asked_is_not_recorded(tmp_path: Path) -> None:
    replay = recorded(tmp_path, RecordingHost(LiveHost(Machine())), Redactor())
    answer = replay.ask(ReadFile("/etc/os-release"))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "not-recorded"


def test_a_snapshot_is_private_and_the_same_in_any_order(tmp_path: Path) -> None:
    questions = [ListDirectory("/proc/self/ns"), LookAt("/"), FindTool("no-such-tool")]
    files = []
    for name, order in (("a", questions), ("b", questions[::-1])):
        host = RecordingHost(LiveHost(Machine()))
        for question in order:
            host.ask(question)
        snapshot_of(host, project="embedded").write(tmp_path / name, Redactor())
        files.append(tmp_path / name)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert read_snapshot(files[0]).options == {"project": "embedded"}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_names_that_are_no_text_are_recorded_and_found_again(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(odd).write_bytes(b"\xfe")
    host = RecordingHost(LiveHost(Machine()))
    assert host.ask(ReadFile(odd)) == FileText("\\xfe")
    assert recorded(tmp_path, host, Redactor()).ask(ReadFile(odd)) == FileText("\\xfe")


def test_every_kind_of_question_is_known_by_name_and_its_answers_can_be_read() -> None:
    kinds = question_kinds()
    assert {"RunCommand", "ReadFile", "AskKernel", "AskIdentity"} <= kinds.keys()
    for kind in kinds.values():
        assert answer_type(kind)


def test_a_question_and_its_answer_survive_json() -> None:
    question = RunCommand(("a", "b\udcff"), cwd="/x", timeout=0.5)
    answer = Completed(None, "é\x00", "", "SIGKILL", True)
    assert to_question(decode(encode(question))) == question
    assert to_answer(question, decode(encode(answer))) == answer
    assert to_answer(question, decode(encode(NoAnswer("ENOENT")))) == NoAnswer("ENOENT")


@pytest.mark.parametrize(
    "line", [b"[]", b"{}", b'{"ask": 5}', b'{"ask": "ReadFile", "path": 5}', b"x", b"[" * 100_000]
)
def test_what_is_no_question_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_question(decode(line))


def test_a_question_of_a_newer_version_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, answers=[{"question": {"ask": "AskTomorrow"}, "answer": {}}])
    assert read_snapshot(path).answers == ()


def written(tmp_path: Path, **changed: Any) -> Path:
    path = tmp_path / "snapshot"
    snapshot_of(RecordingHost(LiveHost(Machine()))).write(path, Redactor())
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    return path


ENTRY = {"question": {"ask": "ReadFile", "path": "/x"}, "answer": {"answer": "PathFacts"}}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": 2}, "schema 2"),
        ({"schema": 2, "answers": {}}, "schema 2"),
        ({"schema": "1"}, "not a snapshot"),
        ({"answers": {}}, "not a snapshot"),
        ({"answers": [5]}, "an entry of `answers`"),
        ({"answers": [{"question": {"ask": "ReadFile"}, "answer": {}}]}, "path"),
        ({"answers": [ENTRY]}, "PathFacts"),
        ({"started": 5}, "started"),
        ({"options": []}, "options"),
    ],
)
def test_a_snapshot_of_another_shape_is_refused(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    path = written(tmp_path, **changed)
    with pytest.raises(BpfDoctorError, match=said) as caught:
        read_snapshot(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "truncated"),
        (b'{"schema": 1, "answers": [', "truncated"),
        (b"\x7fELF\x02\x01", "not JSON"),
        (b"[" * 100_000, "its values are nested too deep"),
        (b'{"options":' * 100_000 + b"1" + b"}" * 100_000, "its values are nested too deep"),
        (b"[]", "no recorded answers"),
        (b'{"findings": []}', "no recorded answers"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BpfDoctorError, match=said):
        read_snapshot(path)


@pytest.mark.parametrize("name", ["absent", "", "file/below", "nul\0"])
def test_a_snapshot_that_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BpfDoctorError, match="cannot read"):
        read_snapshot(tmp_path / name)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(BpfDoctorError, match="cannot write"):
        write_whole(tmp_path / "absent" / "x", b"")
    with pytest.raises(BpfDoctorError, match="cannot write"):
        write_whole(Path("/dev/full"), b"x" * 100_000)
    assert os.listdir(tmp_path) == []


def test_a_file_that_was_there_keeps_its_mode_unless_it_is_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o640)
    write_whole(path, b"new", private=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    write_whole(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_written_through_and_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    write_whole(Path("/dev/null"), b"new")
    assert Path("/dev/null").is_char_device()


def test_path_facts_keep_their_few_words(tmp_path: Path) -> None:
    host = RecordingHost(LiveHost(Machine()))
    live = host.ask(LookAt(str(tmp_path)))
    replay = recorded(tmp_path, host, Redactor(home=str(tmp_path), user="directory"))
    assert isinstance(live, PathFacts)
    assert replay.ask(LookAt("~")) == live


def test_a_snapshot_beyond_the_limit_is_not_decoded(tmp_path: Path) -> None:
    file = tmp_path / "large.snapshot"
    with file.open("wb") as sparse:
        sparse.truncate(SIZE_LIMIT + 1)
    with pytest.raises(BpfDoctorError, match="too large for a snapshot"):
        read_snapshot(file)


def test_no_look_for_circles_is_taken_while_a_snapshot_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among millions of empty lists each look takes longer, and no signal is heeded meanwhile."""
    file, enabled = tmp_path / "there.snapshot", list[bool]()
    file.write_text("{}")

    def decoded(data: bytes) -> dict[str, object]:
        enabled.append(gc.isenabled())
        return {}

    monkeypatch.setattr("bpfdoctor.host.record.decode", decoded)
    with pytest.raises(BpfDoctorError, match="holds no recorded answers"):
        read_snapshot(file)
    assert (enabled, gc.isenabled()) == ([False], True)


def test_root_writes_no_report_through_a_link_that_another_has_put_there(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    (tmp_path / "there").write_text("kept")
    (tmp_path / "report.json").symlink_to("there")
    os.lchown(tmp_path / "report.json", 12345, 12345)
    with pytest.raises(BpfDoctorError, match=r"report\.json is a link that belongs to user 12345"):
        write_whole(tmp_path / "report.json", b"{}")
    assert (tmp_path / "there").read_text() == "kept"


def test_a_snapshot_that_may_not_fit_into_memory_is_not_decoded(tmp_path: Path) -> None:
    """The decoder, in C, does not survive that everywhere."""
    file = tmp_path / "large.snapshot"
    file.write_bytes(b"[" + b"0," * (12 << 20) + b"0]")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, before[1]))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)):
            read_snapshot(file)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_file_put_in_the_place_of_a_device_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match="exchanged"):
        record._write_to_what_is_there(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_link_of_anothers_that_appears_behind_the_look_is_not_followed(
    tmp_path: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("root")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to("file")
    os.lchown(tmp_path / "link", 4711, 4711)
    monkeypatch.setattr(record, "refuse_links_of_others", lambda path: None)
    with pytest.raises(BpfDoctorError, match="is a link that belongs to user 4711"):
        record.write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_snapshot_in_another_users_directory_is_read_as_that_user(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    for each in (tmp_path, *tmp_path.parents[:4]):
        each.chmod(0o755)
    secret, bobs = tmp_path / "secret", tmp_path / "bobs"
    secret.write_text("of root alone")
    secret.chmod(0o600)
    bobs.mkdir()
    (bobs / "snapshot.json").symlink_to(secret)
    os.chown(bobs, 4711, 4711)
    with pytest.raises(BpfDoctorError, match="cannot read the snapshot"):
        read_snapshot(bobs / "snapshot.json")
