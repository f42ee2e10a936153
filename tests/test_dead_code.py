"""What `make lint` cannot see: a name that is dead in its file, and alive in another by chance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("bpfdoctor", "checks", "docs", "benchmarks", "tests")
FILES = sorted(file for place in PLACES for file in (ROOT / place).rglob("*.py"))


FOUND = {"sample_checks", "managers"}
"""Directories whose files are found by looking there."""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def made_in(body: list[ast.stmt]) -> Iterator[str]:
    """The functions, classes and constants of a file or a class, without those that register."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if isinstance(node, ast.ClassDef) or not node.decorator_list:
                yield node.name
            if isinstance(node, ast.ClassDef) and not node.bases:  # else it may override
                yield from (name for name in made_in(node.body) if name.startswith("_"))
        elif isinstance(node, ast.Assign):
            names = (each for target in node.targets for each in ast.walk(target))
            yield from (each.id for each in names if isinstance(each, ast.Name))


def used_in(path: Path) -> set[str]:
    """The names that a file reads, by themselves, behind a dot or in quotes."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant):
            found.add(str(node.value))
    return found


@cache
def imported() -> set[tuple[str, str]]:
    """All that is imported from anywhere: the last word of the module, and the name."""
    nodes = (node for path in FILES for node in ast.walk(parsed(path)))
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom))
    return {
        (str(node.module).rpartition(".")[2], each.name) for node in imports for each in node.names
    }


def read_by_others(path: Path, name: str) -> bool:
    """Whether a name is imported from this file, or looked up: by Python, by pytest, in a child.

    A package manager is found by its file.
    """
    module = path.parent.name if path.stem == "__init__" else path.stem
    looked_up = name in ("main", "console") or name.startswith(("__", "test_", "pytest"))
    return looked_up or (module, name) in imported() or path.parent.name in FOUND


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_name_of_a_file_is_used_there_or_imported_from_there(path: Path) -> None:
    modules = {name for module, name in imported() if module == path.parent.name}
    whole = path.stem in modules  # imported as a whole: what is behind its dot is vulture's
    made = set(made_in(parsed(path).body)) - used_in(path)
    dead = {name for name in made if not read_by_others(path, name)}
    assert not {name for name in dead if name.startswith("_") or not whole}
