"""Submodules for real: git servers over file:// and http, and every way in which they misbehave."""

from __future__ import annotations

import contextlib
import http.server
import os
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from repositories import add_submodule, applied, git, planned, repository, texts

from bpfdoctor.fix.applying.applier import Applier
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.journal.read import read_run
from bpfdoctor.fix.journal.undo_plan import undo_plan
from bpfdoctor.fix.plan import Plan
from bpfdoctor.fix.planning.submodules import plan_submodules
from bpfdoctor.host.git.submodule import Submodule
from bpfdoctor.host.git.submodules import AskSubmodules, Submodules
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Answer, Question
from bpfdoctor.testing import FakeHost

Make = Callable[..., Applier]


def test_empty_submodules_are_filled_nested_ones_too(
    nest: Path, applier: Make, tmp_path: Path
) -> None:
    plan = planned(nest)
    assert [step.argv[-1] for step in plan.steps] == ["libbpf", "bpftool"]
    assert applied(plan, applier(), tmp_path).took
    assert (nest / "libbpf/header").read_text() == "libbpf"
    assert (nest / "bpftool/libbpf/header").read_text() == "libbpf"
    assert planned(nest) == Plan()


def test_only_what_was_asked_for_is_fetched(nest: Path) -> None:
    (step,) = planned(nest, ("checkout.submodules[libbpf]", "checkout.submodules[none]")).steps
    assert step.argv[-1] == "libbpf"
    assert step.why == ("checkout.submodules[libbpf]",)
    host = LiveHost(Machine(dict(os.environ)))
    slashed = plan_submodules(host, f"{nest}/", ("checkout.submodules[libbpf]",))
    assert slashed == ([step], [])


def test_undo_leaves_the_checkout_as_it_was(nest: Path, applier: Make, tmp_path: Path) -> None:
    before = (git(nest, "submodule", "status"), git(nest, "config", "--local", "--list"))
    plan = planned(nest)
    maker = applier()
    applied(plan, maker, tmp_path)
    (journal,) = (tmp_path / "state").glob("*.jsonl")
    back = undo_plan(read_run(journal), maker.host)
    assert [step.argv[-1] for step in back.steps] == ["bpftool", "libbpf"]
    for step in back.steps:
        assert maker.run_one(step)[0].result == "done"
    assert (git(nest, "submodule", "status"), git(nest, "config", "--local", "--list")) == before
    assert list((nest / "libbpf").iterdir()) == []


def test_the_nested_one_alone_is_filled_where_its_parent_is(nest: Path) -> None:
    git(nest, "submodule", "update", "--init")
    (step,) = planned(nest).steps
    assert step.argv[:3] == ("git", "-C", f"{nest}/bpftool")


def test_each_submodule_whose_files_are_absent_gets_them_again(nest: Path) -> None:
    git(nest, "submodule", "update", "--init", "--recursive")
    (nest / "bpftool/main").unlink()
    (nest / "libbpf/header").unlink()
    places = [step.argv[2] for step in planned(nest).steps]
    assert sorted(places) == [f"{nest}/bpftool", f"{nest}/libbpf"]


def test_a_submodule_that_was_moved_is_left_alone(nest: Path) -> None:
    git(nest, "submodule", "update", "--init", "--recursive")
    (nest / "libbpf/header").write_text("mine")
    git(nest / "libbpf", "commit", "-qam", "mine")
    plan = planned(nest)
    assert plan.steps == ()
    assert "left alone" in texts(plan)


def test_a_dirty_submodule_is_left_alone(nest: Path) -> None:
    git(nest, "submodule", "update", "--init", "--recursive")
    (nest / "libbpf/header").write_text("mine, not committed")
    plan = planned(nest)
    assert plan.steps == ()
    assert "changes" in texts(plan)


def test_an_address_that_moved_is_taken_from_gitmodules_first(
    nest: Path, applier: Make, tmp_path: Path
) -> None:
    git(nest, "submodule", "init", "libbpf")
    git(nest, "config", "submodule.libbpf.url", "https://git.invalid/gone")
    plan = planned(nest)
    sync, update, _ = plan.steps
    assert "sync" in sync.argv
    assert update.after == (sync.id,)
    assert sync.undo[-3:] == ("config", "submodule.libbpf.url", "https://git.invalid/gone")
    assert applied(plan, applier(), tmp_path).took


@pytest.mark.parametrize(
    ("path", "url", "reason"),
    [
        ("libbpf", "ext::sh -c touch% /tmp/never", "names a program"),
        ("libbpf", "file:///etc/passwd-repository", "a place on this machine"),
        ("libbpf", "/srv/outside", "a place on this machine"),
        ("libbpf", "--upload-pack=touch never", "an option"),
        ("../outside", "https://git.invalid/libbpf", "leads out of the checkout"),
        (".git/hooks", "https://git.invalid/libbpf", "not one that git allows"),
        ("-x", "https://git.invalid/libbpf", "an option"),
    ],
)
def test_a_hostile_gitmodules_is_refused_with_the_reason(
    tmp_path: Path, home: Path, path: str, url: str, reason: str
) -> None:
    checkout = repository(tmp_path / "hostile", Makefile="all:")
    if path == "libbpf":
        add_submodule(checkout, path, url, checkout)
    else:
        (checkout / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = {path}\n\turl = {url}\n')
    plan = planned(checkout)
    assert plan.steps == ()
    assert reason in texts(plan)


def test_a_path_through_a_link_is_refused(tmp_path: Path, home: Path) -> None:
    checkout = repository(tmp_path / "hostile", Makefile="all:")
    add_submodule(checkout, "deep/libbpf", "https://git.invalid/libbpf", checkout)
    (tmp_path / "outside").mkdir()
    (checkout / "deep").symlink_to(tmp_path / "outside")
    plan = planned(checkout)
    assert plan.steps == ()
    assert "through the link" in texts(plan)


@pytest.mark.parametrize(
    ("refused", "nested", "entered"),
    [("", True, True), ("", False, False), ("leads out of the checkout", True, False)],
)
def test_only_an_honest_submodule_that_has_some_itself_is_entered(
    refused: str, nested: bool, entered: bool
) -> None:
    inner = Submodule("x", "https://git.invalid/x", "filled", refused, nested=nested)
    level: dict[Question[Any], Answer] = {AskSubmodules("/tree"): Submodules((inner,), 0)}
    host = FakeHost(level, otherwise=Submodules((), 0))
    plan_submodules(host, "/tree", ("checkout.submodules[x]", "checkout.submodules[x/y]"))
    assert (AskSubmodules("/tree/x") in host.asked) == entered


@pytest.mark.parametrize("key", ["core.sshCommand", "filter.x.smudge", "core.fsmonitor"])
def test_settings_that_run_programs_stop_the_repair(nest: Path, key: str) -> None:
    git(nest, "config", key, "touch never")
    plan = planned(nest)
    assert plan.steps == ()
    assert key.lower() in texts(plan)


def test_a_zip_download_is_explained(nest: Path) -> None:
    subprocess.run(["rm", "-rf", str(nest / ".git")], check=True)
    plan = planned(nest)
    assert plan.steps == ()
    assert "--recurse-submodules" in texts(plan)


def test_a_commit_that_is_gone_is_named_and_does_not_stop_the_others(
    nest: Path, applier: Make, tmp_path: Path
) -> None:
    server = tmp_path / "servers/libbpf"
    git(server, "commit", "-q", "--amend", "-m", "rewritten")
    git(server, "reflog", "expire", "--expire=now", "--all")
    git(server, "gc", "-q", "--prune=now")
    tool = tmp_path / "servers/bpftool"
    (tool / ".gitmodules").unlink()
    git(tool, "rm", "-q", "--cached", "libbpf", ".gitmodules")
    git(tool, "commit", "-qm", "alone")
    git(nest, "update-index", "--cacheinfo", f"160000,{git(tool, 'rev-parse', 'HEAD')},bpftool")
    git(nest, "commit", "-qm", "pin")
    plan = planned(nest)
    result = applied(plan, applier(), tmp_path)
    assert [each.result for each in result.done] == ["failed", "done"]
    assert "not at that address any more" in result.done[0].text
    assert (nest / "bpftool/main").exists()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """An http server whose visitors do not outlive it."""

    daemon_threads = True


@contextlib.contextmanager
def serving(behave: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[Server]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behave(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def from_http(tmp_path: Path, port: int) -> Path:
    source = repository(tmp_path / "source", header="x")
    checkout = repository(tmp_path / "checkout", Makefile="all:")
    add_submodule(checkout, "libbpf", f"http://127.0.0.1:{port}/libbpf", source)
    return checkout


def test_over_http(tmp_path: Path, home: Path, applier: Make) -> None:
    files = tmp_path / "www"

    def serve(request: http.server.BaseHTTPRequestHandler) -> None:
        path = files / request.path.split("?")[0].lstrip("/")
        if not path.is_file():
            request.send_error(404)
            return
        request.send_response(200)
        request.end_headers()
        request.wfile.write(path.read_bytes())

    with serving(serve) as server:
        checkout = from_http(tmp_path, server.server_port)
        git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "source"), str(files / "libbpf"))
        git(files / "libbpf", "update-server-info")
        assert applied(planned(checkout), applier(), tmp_path).took
    assert (checkout / "libbpf/header").read_text() == "x"


def test_a_server_that_hangs_is_given_up(tmp_path: Path, home: Path, applier: Make) -> None:
    release, said = threading.Event(), list[str]()

    def hang(request: http.server.BaseHTTPRequestHandler) -> None:
        release.wait(30)

    with serving(hang) as server:
        checkout = from_http(tmp_path, server.server_port)
        patience = Patience(idle=1, pauses=(0,))
        result = applied(planned(checkout), applier(said, patience), tmp_path)
        release.set()
    assert result.done[0].result == "failed"
    assert "printed nothing for 1 seconds" in result.done[0].text
    assert sum("trying again" in line for line in said) == 1


def test_a_server_that_drops_the_connection_is_tried_again(
    tmp_path: Path, home: Path, applier: Make
) -> None:
    def drop(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        request.send_header("Content-Length", "100000")
        request.end_headers()
        request.wfile.write(b"001e# service=git-upload-pack\n0000")
        request.close_connection = True

    said: list[str] = []
    with serving(drop) as server:
        checkout = from_http(tmp_path, server.server_port)
        result = applied(planned(checkout), applier(said), tmp_path)
    assert result.done[0].result == "failed"
    assert "the network failed" in result.done[0].text
    assert any("trying again" in line for line in said)
    assert not (checkout / "libbpf/.git").exists()


def test_a_server_that_wants_a_password_gets_none_and_nobody_is_asked(
    tmp_path: Path, home: Path, applier: Make
) -> None:
    def demand(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="x"')
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving(demand) as server:
        checkout = from_http(tmp_path, server.server_port)
        result = applied(planned(checkout), applier(), tmp_path)
    assert result.done[0].result == "failed"
    assert "asks for a login" in result.done[0].text
