"""A machine that lacks what every other has, or kills whoever asks: one sentence, exit status 3."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bpfdoctor.host.architecture import machine_architecture
from bpfdoctor.host.cgroup import CGROUPS
from bpfdoctor.host.syscalls import numbers

COMMAND = (sys.executable, "-m", "bpfdoctor")
CHECK = ("check", "--no-smoke", "--no-cache", "--json")
Completed = subprocess.CompletedProcess[str]
OURS = ("please report", "traceback", "broke")

WITHOUT_DEVICES = 'mount -t tmpfs none /dev && exec "$@"'
NAMESPACE = ("unshare", "-m", "--propagation", "private", "sh", "-c")


def run(argv: Sequence[str], cwd: Path, **environ: str) -> Completed:
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environ},
        timeout=120,
    )


def limited(ended: Completed) -> str:
    """What the document says of the limit that ended a run."""
    assert ended.returncode == 3, ended.stderr
    assert not [word for word in OURS if word in ended.stderr.lower()]
    trouble = json.loads(ended.stdout)["error"]
    assert trouble["kind"] == "limit"
    return str(trouble["message"])


@pytest.mark.parametrize("closing", ["", "exec <&-; "], ids=["open", "closed"])
def test_without_dev_null_no_compiler_is_said_to_be_missing(
    closing: str, needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("root", "unshare", "mount")
    ended = run((*NAMESPACE, closing + WITHOUT_DEVICES, "sh", *COMMAND, *CHECK), tmp_path)
    assert limited(ended) == "/dev/null cannot be opened, which every command is given"
    assert "mknod -m 666 /dev/null c 1 3" in ended.stderr


def test_without_dev_null_what_asks_nothing_works(
    needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("root", "unshare", "mount")
    script = "exec <&-; " + WITHOUT_DEVICES
    ended = run((*NAMESPACE, script, "sh", *COMMAND, "explain", "kernel.btf"), tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


FILTER = """
import ctypes, os, struct, sys
number, action = int(sys.argv[1]), int(sys.argv[2])
LOAD, SAME, RETURN, ALLOW = 0x20, 0x15, 0x06, 0x7FFF0000
steps = [(LOAD, 0, 0, 0), (SAME, 0, 1, number), (RETURN, 0, 0, action), (RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) == 0
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""`python -c FILTER NUMBER ACTION COMMAND`: a seccomp filter on one system call."""
KILL, REFUSE = 0x80000000, 0x00050001  # SECCOMP_RET_KILL_PROCESS; SECCOMP_RET_ERRNO with EPERM


def filtered(number: int, action: int, arguments: Sequence[str], cwd: Path) -> Completed:
    start = (sys.executable, "-I", "-c", FILTER, str(number), str(action))
    return run((*start, *COMMAND, *arguments), cwd)


@pytest.mark.parametrize("call", ["bpf", "perf_event_open"])
def test_a_filter_that_kills_is_said_by_a_process_that_lives(call: str, tmp_path: Path) -> None:
    ended = filtered(getattr(numbers(), call), KILL, CHECK, tmp_path)
    assert limited(ended).startswith("a seccomp filter kills whoever calls bpf(2)")


def test_a_filter_that_only_refuses_is_what_a_check_finds(
    needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("root")
    ended = filtered(numbers().bpf, REFUSE, (*CHECK, "--only", "kernel.bpf-syscall"), tmp_path)
    found = {each["id"]: each for each in json.loads(ended.stdout)["findings"]}
    assert found["kernel.bpf-syscall"]["status"] == "fail"
    assert "seccomp" in found["kernel.bpf-syscall"]["summary"]


SETFSUID = {"x86_64": 122, "aarch64": 151, "riscv64": 151, "loongarch64": 151}


def test_a_root_that_may_not_become_the_trees_owner_says_so(
    needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("root")
    number = SETFSUID.get(machine_architecture())
    if number is None:
        pytest.skip("the number of setfsuid(2) is not known here")
    os.chown(tmp_path, 61234, 61234)
    said = limited(filtered(number, REFUSE, CHECK, tmp_path))
    assert said.startswith("this root may not act as another user")


def test_a_directory_for_temporary_files_need_not_be_utf_8(
    needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("root")
    place = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    os.mkdir(place)
    ended = run((*COMMAND, *CHECK, "--only", "kernel.uprobes"), tmp_path, TMPDIR=place)
    found = {each["status"] for each in json.loads(ended.stdout)["findings"]}
    assert "error" not in found


@pytest.fixture
def cgroup(needs: Callable[..., None]) -> Iterator[Callable[[str, int], list[str]]]:
    """Makes cgroups with one limit; what is in front of a command that is to run in it."""
    needs("root")
    made: list[Path] = []

    def limit(kind: str, value: int) -> list[str]:
        root = Path(CGROUPS, kind) if Path(CGROUPS, kind).is_dir() else Path(CGROUPS)
        place = root / f"bpfdoctor-test-{os.getpid()}"
        names = {"pids": ("pids.max",), "memory": ("memory.max", "memory.limit_in_bytes")}[kind]
        try:
            place.mkdir()
            made.append(place)
            file = next(place / name for name in names if (place / name).exists())
            file.write_text(str(value))
        except (OSError, StopIteration) as error:
            pytest.skip(f"no cgroup can be made here: {error}")
        return ["sh", "-c", f'echo $$ > {place}/cgroup.procs && exec "$@"', "sh"]

    yield limit
    for place in made:
        place.rmdir()


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("pids", 5, "the limit of processes of this cgroup"),
        ("memory", 64 << 20, "the limit of memory of this cgroup"),
    ],
)
def test_a_cgroup_with_too_little_is_named(
    kind: str,
    value: int,
    said: str,
    cgroup: Callable[[str, int], list[str]],
    tmp_path: Path,
) -> None:
    assert said in limited(run((*cgroup(kind, value), *COMMAND, *CHECK), tmp_path))


def test_in_a_small_cgroup_fewer_checks_run_at_a_time_and_none_lacks_a_process(
    cgroup: Callable[[str, int], list[str]], needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("cc", "clang")
    project = ("--project", "libbpf-bootstrap")
    chosen = ("toolchain.cc", "toolchain.ar", "libraries.libelf", "libraries.zlib")
    only = [word for each in chosen for word in ("--only", each)]
    ended = run((*cgroup("pids", 14), *COMMAND, *CHECK, *project, *only), tmp_path)
    assert "EAGAIN" not in ended.stdout
    assert "no further process" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("memory", "status", "said"),
    [
        (1 << 30, 3, "not enough memory: the limit of virtual memory (ulimit -v) is 1,048,576 KiB"),
        (resource.RLIM_INFINITY, 2, "is not JSON"),
    ],
)
def test_a_snapshot_for_which_there_is_no_memory_is_not_unpacked(
    memory: int, status: int, said: str, tmp_path: Path
) -> None:
    """msgspec does not survive the want of memory."""
    file = tmp_path / "large.snapshot"
    with file.open("wb") as large:
        large.truncate(32 << 20)
    ended = subprocess.run(
        [*COMMAND, "check", "--from", str(file)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, said in ended.stderr) == (status, True)


TRIGGER = (
    "from pathlib import Path\nfrom bpfdoctor.host.machine import Machine\n"
    "from bpfdoctor.smoke.trigger import Mark\n"
    "mark = Mark(Machine(), 'own', 'minimal', Path('/'))\nmark.started(7)\n"
    "print(mark.fill('^{task}').pattern)"
)


def test_without_proc_a_program_is_known_by_its_name(
    needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("root", "unshare", "mount")
    script = 'mount -t tmpfs none /proc && exec "$@"'
    ended = run((*NAMESPACE, script, "sh", sys.executable, "-c", TRIGGER), tmp_path)
    assert (ended.stdout, ended.stderr) == ("^minimal-\\d+\n", "")
