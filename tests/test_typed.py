"""Data is read into types by one door, for msgspec crashes where two threads do so at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "bpfdoctor"
DOOR = PACKAGE / "typed.py"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != DOOR)

RACE = """
import sys, threading
import msgspec
from bpfdoctor.typed import from_json

sys.setswitchinterval(1e-6)
DATA = b'{"x":{"a":1},"y":[{"a":1}],"z":{}}'

def types():
    class A(msgspec.Struct):
        a: int
        b: dict[str, tuple[str, ...]] = {}
    class B(msgspec.Struct):
        x: A
        y: list[A]
        z: dict[str, A]
        w: tuple[A, ...] = ()
    return B

def race(kind):
    together = threading.Barrier(4)
    def read():
        together.wait()
        assert %s.y
    threads = [threading.Thread(target=read) for _ in range(4)]
    [each.start() for each in threads]
    [each.join() for each in threads]

for _ in range(%d):
    race(types())
"""


def status_of(reading: str, times: int) -> int:
    words = (sys.executable, "-c", RACE % (reading, times))
    return subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode


def test_threads_that_read_into_one_type_do_not_crash() -> None:
    assert status_of("from_json(DATA, kind)", 400) == 0


def calls(path: Path) -> list[str]:
    """What a module calls of msgspec that looks a type over."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = ast.unparse(node.func)
            typed = bool({each.arg for each in node.keywords} & {"type"})
            if name == "msgspec.convert" or (name.startswith("msgspec.") and typed):
                found.append(f"{path.name}:{node.lineno} {name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nobody_reads_into_a_type_but_the_door(path: Path) -> None:
    assert not calls(path)


def test_a_reading_beside_the_door_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text(
        "msgspec.convert(a, B)\nmsgspec.json.decode(a, type=B)\nmsgspec.json.decode(a)\n"
    )
    assert len(calls(file)) == 2
