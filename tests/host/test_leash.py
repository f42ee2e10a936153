"""A command ends with us, and all that it started, whatever ends us and wherever it hides."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from fifo import Fifo, ends

from bpfdoctor.host import leash_pool
from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.process import kill_all, run

PATH = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    made = Fifo(tmp_path / "fifo")
    yield made
    made.close()


GRANDCHILDREN = {
    "plain": "sleep 1000 & echo $! >&3; wait",
    "of its own session": "setsid sh -c 'echo $$ >&3; exec sleep 1000 3>&-' & wait",
    "orphan of its own session, without our pipes": (
        "(setsid sh -c 'echo $$ >&3; exec sleep 1000 3>&-' </dev/null >/dev/null 2>&1 &);"
        " sleep 1000"
    ),
    "daemon, without our environment": (
        "(env -i setsid sh -c 'cd /; (sh -c \"echo \\$\\$ >&3; exec sleep 1000 3>&-\" &) '"
        " </dev/null >/dev/null 2>&1 &); sleep 1000"
    ),
    "deaf to signals": (
        "(trap '' TERM INT HUP; sh -c 'echo $$ >&3; exec sleep 1000 3>&-' &); sleep 1000"
    ),
}


def ours(script: str, fifo: Fifo, more: str = "") -> subprocess.Popen[bytes]:
    """A process that runs a command as bpfdoctor does."""
    code = f"""
from bpfdoctor.host.process import kill_all, run
{more or f"run(['sh', '-c', {script!r}], environ={PATH!r}, timeout=900)"}
"""
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("kind", GRANDCHILDREN)
def test_a_command_and_its_children_die_with_us(fifo: Fifo, kind: str) -> None:
    script = f"exec 3>'{fifo.path}'; echo $$ >&3; {GRANDCHILDREN[kind]}"
    us = ours(script, fifo)
    command, grandchild = fifo.pid(), fifo.pid()
    assert psutil.pid_exists(command)
    assert psutil.pid_exists(grandchild)
    us.kill()
    us.wait()
    assert ends(command)
    assert ends(grandchild)


def test_the_children_die_with_us_too_when_we_have_not_read_how_the_command_began(
    fifo: Fifo,
) -> None:
    """What is unread when we die resets the connection."""
    script = f"exec 3>'{fifo.path}'; echo $$ >&3; {GRANDCHILDREN['plain']}"
    more = f"""
import threading
from bpfdoctor.host import leash
leash.reply_of = lambda end: threading.Event().wait()
leash.LeashedCommand(["sh", "-c", {script!r}], environ={PATH!r})
"""
    us = ours("", fifo, more)
    command, grandchild = fifo.pid(), fifo.pid()
    us.kill()
    us.wait()
    assert ends(command)
    assert ends(grandchild)


def test_a_command_dies_when_its_leash_is_killed(fifo: Fifo) -> None:
    more = f"""
def say(line):
    with open({str(fifo.path)!r}, "w") as file:
        file.write(line + "\\n")
run(["sh", "-c", "echo $$; echo $PPID; exec sleep 1000"], environ={PATH!r}, on_line=say)
"""
    us = ours("", fifo, more)
    command, its_leash = fifo.pid(), fifo.pid()
    os.kill(its_leash, signal.SIGKILL)
    assert ends(command)
    assert us.wait(60) == 0


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("kind", GRANDCHILDREN)
def test_nothing_is_left_of_a_command_whose_leash_is_killed(
    fifo: Fifo, kind: str, alone: bool
) -> None:
    us = ours(f"exec 3>'{fifo.path}'; echo $PPID >&3; {GRANDCHILDREN[kind]}", fifo)
    its_leash, grandchild = fifo.pid(), fifo.pid()
    if alone:  # we are killed too, and cannot ask for it
        us.send_signal(signal.SIGSTOP)
    os.kill(its_leash, signal.SIGKILL)
    if alone:
        us.kill()
    us.wait(60)
    assert ends(grandchild)


def test_a_leash_that_its_command_has_stopped_ends_with_us(fifo: Fifo) -> None:
    us = ours(f"kill -STOP $PPID; echo $PPID >'{fifo.path}'; exec sleep 1000", fifo)
    its_leash = fifo.pid()
    us.kill()
    us.wait()
    assert ends(its_leash)


def test_after_a_command_has_stopped_the_process_that_starts_them_others_run(fifo: Fifo) -> None:
    script = "read -r _ _ _ keeper _ < /proc/$PPID/stat; kill -STOP $keeper"
    more = f"""
from threading import Thread
run(["sh", "-c", {script!r}], environ={PATH!r})
script = "echo $$ >{fifo.path}; exec sleep 1000"
for _ in range(2):
    Thread(target=run, args=(["sh", "-c", script],), kwargs=dict(environ={PATH!r})).start()
"""
    us = ours("", fifo, more)
    assert fifo.pid() != fifo.pid()
    us.kill()
    us.wait()


def test_after_its_leash_was_killed_the_next_command_runs(fifo: Fifo) -> None:
    def kill_leash(line: str) -> None:
        os.kill(int(line), signal.SIGKILL)

    ended = run(["sh", "-c", "echo $PPID; exec sleep 1000"], environ=PATH, on_line=kill_leash)
    assert (ended.exit_code, ended.signal) == (None, signal.SIGKILL)
    assert run(["echo", "next"], environ=PATH).stdout == b"next\n"


def test_after_the_process_that_starts_them_was_killed_the_next_command_runs() -> None:
    leash_pool.close()
    script = "read -r _ _ _ keeper _ < /proc/$PPID/stat; kill -KILL $keeper"
    assert run(["sh", "-c", script], environ=PATH).exit_code == 0
    threads = [threading.Thread(target=run, args=(["true"],), kwargs={"environ": PATH})
               for _ in range(3)]  # fmt: skip
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert run(["echo", "next"], environ=PATH).stdout == b"next\n"


@pytest.mark.parametrize("kind", GRANDCHILDREN)
def test_nothing_is_left_of_what_is_ended_from_outside(fifo: Fifo, kind: str) -> None:
    script = f"exec 3>'{fifo.path}'; echo $$ >&3; {GRANDCHILDREN[kind]}"
    codes: list[int | None] = []

    def work() -> None:
        codes.append(run(["sh", "-c", script], environ=PATH, timeout=900).signal)

    thread = threading.Thread(target=work)
    thread.start()
    command, grandchild = fifo.pid(), fifo.pid()
    while thread.is_alive():  # it may have been started, and not be known yet
        kill_all()
        thread.join(0.05)
    assert codes == [signal.SIGKILL]
    assert not psutil.pid_exists(command)
    assert not psutil.pid_exists(grandchild)


def test_what_a_command_leaves_running_ends_with_it(fifo: Fifo) -> None:
    said = f"{fifo.path}.said"
    left = f"(setsid sh -c 'echo $$ >{fifo.path}; echo >{said}; exec sleep 1000' &)"
    assert run(["sh", "-c", f"mkfifo {said}; {left}; read _ <{said}"], environ=PATH).exit_code == 0
    assert not psutil.pid_exists(fifo.pid())


def test_the_lock_goes_with_the_last_that_works_there(fifo: Fifo, tmp_path: Path) -> None:
    """Told by the lock: it cannot be had while anything of the killed run is left."""
    lock = tmp_path / "lock"
    lock.touch()
    script = f"exec 3>'{fifo.path}'; (setsid sh -c 'echo $$ >&3; exec sleep 1000' &); sleep 1000"
    more = f"""
import fcntl, os
lock = os.open({str(lock)!r}, os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
run(["sh", "-c", {script!r}], environ={PATH!r}, timeout=900, held=(lock,))
"""
    us = ours("", fifo, more)
    grandchild = fifo.pid()
    with lock.open("rb+") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        us.kill()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not psutil.pid_exists(grandchild)
    us.wait()


def test_what_is_held_is_not_the_commands(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as lock:
        ended = run(["ls", "/proc/self/fd"], environ=PATH, held=(lock.fileno(),))
    assert len(ended.stdout.split()) == 4  # stdin, stdout, stderr and the directory itself


def test_a_command_may_take_back_what_it_did_when_we_are_killed(fifo: Fifo, tmp_path: Path) -> None:
    done = tmp_path / "done"
    script = f"trap 'touch {done}; exit' INT; echo $$ >'{fifo.path}'; while :; do sleep 0.01; done"
    more = f"""
from bpfdoctor.host.leash import LeashedCommand
LeashedCommand(["sh", "-c", {script!r}], environ={PATH!r}, gentle=30).wait()
"""
    us = ours("", fifo, more)
    command = fifo.pid()
    us.kill()
    us.wait()
    assert ends(command)
    assert done.exists()


def test_nothing_is_left_of_us_at_our_end() -> None:
    run(["true"], environ=PATH)
    leash_pool.close()
    assert psutil.Process().children() == []
    assert run(["echo", "again"], environ=PATH).stdout == b"again\n"


def test_a_command_starts_in_our_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert run(["pwd"], environ=PATH).stdout.decode().strip() == str(tmp_path / name)
    (tmp_path / "other").rmdir()
    assert run(["echo", "there"], environ=PATH).stdout == b"there\n"


@pytest.mark.parametrize(
    ("where", "error"), [("none", FileNotFoundError), ("file", NotADirectoryError)]
)
def test_a_working_directory_that_is_none_is_named(
    tmp_path: Path, where: str, error: type[OSError]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(error) as raised:
        run(["true"], environ=PATH, cwd=tmp_path / where)
    assert raised.value.filename == str(tmp_path / where)


@pytest.mark.parametrize("environ", [{"A=B": "x"}, {"": "x"}, {"A": "x\0y"}, {"A\0": "x"}])
def test_an_environment_that_is_none_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"null byte|illegal"):
        run(["true"], environ={**PATH, **environ})


def test_a_command_without_a_name_is_not_found_and_has_no_exit_status() -> None:
    with pytest.raises(FileNotFoundError):
        run([""], environ=PATH)


def test_a_large_environment_arrives_whole() -> None:
    environ = {**PATH, **{f"V{number}": "x" * 100_000 for number in range(12)}}
    ended = run(["env"], environ=environ, limit=1 << 21)
    assert len(ended.stdout) > 1_200_000


def test_a_command_ignores_and_blocks_nothing() -> None:
    ended = run(["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"], environ=PATH)
    masks = [int(line.split()[1], 16) for line in ended.stdout.splitlines()]
    of_libc = 1 << 31 | 1 << 32  # signals 32 and 33, which no program may set (nptl(7))
    assert [mask & ~of_libc for mask in masks] == [0, 0]


def test_a_command_has_one_user_everywhere(needs: Callable[..., None]) -> None:
    needs("root")
    someone = Credentials(65534, 65533, (65533, 4))
    ended = run(["cat", "/proc/self/status"], environ=PATH, identity=someone, cwd="/")
    rows = dict(line.split(":", 1) for line in ended.stdout.decode().splitlines())
    assert rows["Uid"].split() == ["65534"] * 4
    assert rows["Gid"].split() == ["65533"] * 4
    assert sorted(rows["Groups"].split()) == ["4", "65533"]
    assert {int(rows[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
