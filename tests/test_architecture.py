"""The arrows of docs/architecture.md hold, and check ids are named only where they may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bpfdoctor.engine.load import check_of, load_checks
from bpfdoctor.smoke.judge import CHECKS as SMOKE_CHECKS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bpfdoctor"
FREE = {"errors", "visible", "shell", "typed"}
"""What every room may import: the one error that a user caused, and how words are shown."""
TOOLS = {"testing": "everything", "__main__": "everything"}
"""Modules for authors of checks, and the entry: outside the way through the house."""


def table() -> dict[str, set[str] | None]:
    """Room → what it may import (None: everything), read off the table of the page."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\| ([^|]+) \|$", page, re.MULTILINE)
    rooms: dict[str, set[str] | None] = {}
    for place, allowed in rows:
        above = {room for room in rooms if room != "checks"}
        words = {"nothing of ours": set(), "all of these": above, "everything": None}
        room = place.removeprefix("bpfdoctor/").removesuffix(".py").strip("/")
        rooms[room] = words.get(allowed.strip(), set(allowed.strip().split(", ")))
    return rooms


def sources(*places: Path) -> list[Path]:
    return sorted(file for place in places for file in place.rglob("*.py"))


def room_of(path: Path) -> str:
    """The innermost room of a file: `host/elf`, `host`, `model`, `checks`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "checks" if parts[0] == "checks" else "/".join(parts[1:3] if parts[3:] else parts[1:2])


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of whatever of ours is imported, wherever in the file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            names = below if node.module == "bpfdoctor" else [str(node.module)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.startswith("bpfdoctor"))


def room_imported(name: str) -> str | None:
    """The room of a dotted name; None for the package itself (its version)."""
    parts = name.split(".")
    if len(parts) == 1 or parts[1].startswith("__"):
        return None
    inner = PACKAGE.joinpath(*parts[1:3])
    return "/".join(parts[1:3]) if parts[2:] and inner.is_dir() else parts[1]


def covers(allowed: str, room: str, asker: str) -> bool:
    """Whether leave to import `allowed` is leave to import `room`.

    A room stands for those inside it, but to whoever is inside it too: there it is the door alone.
    """
    inside = asker.startswith(f"{allowed}/")
    return room == allowed or (room.startswith(f"{allowed}/") and not inside)


def test_what_the_page_says_where_to_find_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = page.partition("## Where to find what")[2].partition("\n## ")[0]
    named = [re.findall(r"`([\w./]+\.\w+)`", row.rpartition(" | ")[2]) for row in rows.splitlines()]
    places = [name for row in named for name in beside_the_first(row) if "NAME" not in name]
    assert places
    assert [name for name in places if not (PACKAGE / name).exists()] == []


def beside_the_first(names: list[str]) -> list[str]:
    """The paths of a row; a bare name lies where the first of them does."""
    first = Path(names[0]).parent if names else Path()
    return [name if "/" in name else str(first / name) for name in names]


def test_the_page_lists_every_room() -> None:
    there = {room_of(path) for path in sources(PACKAGE)}
    assert there - {"errors", "__init__"} - set(TOOLS) == table().keys() - {"checks"}


@pytest.mark.parametrize("path", sources(PACKAGE, ROOT / "checks"), ids=lambda p: str(p.name))
def test_imports_follow_the_arrows(path: Path) -> None:
    room = room_of(path)
    allowed = table().get(room) if room in table() else (None if room in TOOLS else set())
    if allowed is None:
        return
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for line, name in imported(path)
        if (there := room_imported(name)) is not None
        and there not in {room, *FREE}
        and not any(covers(each, there, room) for each in allowed)
    ]
    assert not wrong


WORDS_OF_THE_DOOR = {"Evidence", "Unrecorded", "Tool"}
"""What the door may name of the model: what it was told, and by whom; never what that means."""


@pytest.mark.parametrize("path", sources(PACKAGE / "host"), ids=lambda p: str(p.name))
def test_the_door_judges_nothing(path: Path) -> None:
    imports = (node for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom))
    words = {
        each.name for node in imports if node.module == "bpfdoctor.model" for each in node.names
    }
    assert words <= WORDS_OF_THE_DOOR


def test_a_class_has_its_name_to_itself() -> None:
    named: dict[str, list[str]] = {}
    for path in sources(PACKAGE, ROOT / "checks"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                named.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: places for name, places in named.items() if len(places) > 1} == {}


@pytest.mark.parametrize("path", sources(ROOT / "checks"), ids=lambda p: str(p.name))
def test_a_check_imports_the_contract_alone(path: Path) -> None:
    assert {".".join(name.split(".")[:2]) for _, name in imported(path)} <= {"bpfdoctor.api"}
    assert not {"os", "subprocess", "sys", "time", "pathlib", "socket"} & set(modules(path))


@pytest.mark.parametrize("path", sources(PACKAGE), ids=lambda p: str(p.name))
def test_only_three_rooms_touch_the_machine(path: Path) -> None:
    starts_children = path == PACKAGE / "engine" / "isolated.py"
    if room_of(path).partition("/")[0] not in {"host", "smoke", "fix"} and not starts_children:
        assert not {"subprocess", "ctypes", "socket", "psutil", "distro"} & set(modules(path))


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """The modules that import themselves by way of others."""
    left = {name: set(to) for name, to in arrows.items()}
    while ends := {name for name, to in left.items() if not to & left.keys()}:
        left = {name: to for name, to in left.items() if name not in ends}
    return sorted(left)


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["a", "b", "c", "d"]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    files = {module_of(path): path for path in sources(PACKAGE)}
    arrows = {name: set(modules_imported(path, files)) - {name} for name, path in files.items()}
    assert circles(arrows) == []


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_imported(path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    """The modules of ours that a file imports, wherever in it, for types alone included."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                yield below if below in files else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def modules(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


@cache
def check_ids() -> frozenset[str]:
    """The ids of all `@check(…)` in `checks/` and `smoke/`, as they are written."""
    files = sources(ROOT / "checks", PACKAGE / "smoke")
    return frozenset(name for file in files for name in made_in(file))


def made_in(path: Path) -> Iterator[str]:
    constants = {
        target.id: node.value
        for node in parsed(path).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            first = node.args[0]
            written = constants.get(first.id, first) if isinstance(first, ast.Name) else first
            if node.func.id == "check" and isinstance(written, ast.Constant):
                yield str(written.value)


def test_ids_are_read_as_the_engine_reads_them() -> None:
    assert check_ids() == {check.id for check in (*load_checks().checks, *SMOKE_CHECKS)}


def spoken(path: Path) -> Iterator[tuple[int, str]]:
    """The string literals of a file that are not documentation."""
    documentation = {
        id(node.value)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(parsed(path)):
        if id(node) in documentation or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str):
            yield node.lineno, node.value


OUTSIDE = [p for p in sources(PACKAGE) if room_of(p).partition("/")[0] != "smoke"]


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda p: str(p.name))
def test_no_code_outside_checks_and_smoke_names_a_check(path: Path) -> None:
    named = [
        f"{path.relative_to(ROOT)}:{line} names {text}"
        for line, text in spoken(path)
        if check_of(text) in check_ids()
    ]
    assert not named


def named_in(data: Any, key: str = "") -> Iterator[str]:
    """The check ids that a data file names: all in `needs`, and whatever `check` holds."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from named_in(value, key if key == "needs" else name)
    elif isinstance(data, list):
        for value in data:
            yield from named_in(value, key)
    elif isinstance(data, str) and key in ("needs", "check", "checks"):
        yield data


DATA = sorted(PACKAGE.rglob("*.toml"))


@pytest.mark.parametrize("path", DATA, ids=lambda p: str(p.name))
def test_data_names_only_checks_that_exist(path: Path) -> None:
    named = {check_of(key) for key in named_in(msgspec.toml.decode(path.read_bytes()))}
    assert named <= check_ids()


def test_some_data_names_checks() -> None:
    assert any(list(named_in(msgspec.toml.decode(path.read_bytes()))) for path in DATA)
