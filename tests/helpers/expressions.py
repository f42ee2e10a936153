"""The regular expressions in our sources, found where they are written."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pumped import Expression

ROOT = Path(__file__).parents[2]
_FLAGS_AT = {"compile": 1, "search": 2, "match": 2, "fullmatch": 2, "findall": 2, "finditer": 2}
_FLAGS_AT |= {"split": 3, "sub": 4, "subn": 4}
_METHODS = (*_FLAGS_AT, "subn")


Names = dict[str, Any]


def in_sources(words: dict[str, list[Names]]) -> Iterator[Expression]:
    """All of them; `words` says by file what names of a function's own may stand for."""
    trees = {path: ast.parse(path.read_text()) for path in _sources()}
    for path, tree in trees.items():
        for call in (node for node in ast.walk(tree) if _of_re(node)):
            assert isinstance(call, ast.Call)
            methods = _methods_of(call, tree, trees)
            for names in words.get(str(path.relative_to(ROOT)), [{}]):
                yield _expression(path, call, {**_module(path), **names}, methods)


def _sources() -> list[Path]:
    return sorted(
        path for place in ("bpfdoctor", "checks") for path in (ROOT / place).rglob("*.py")
    )


def _of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in _FLAGS_AT
    )


def _expression(path: Path, call: ast.Call, names: Names, methods: set[str]) -> Expression:
    assert isinstance(call.func, ast.Attribute)
    how = call.func.attr
    where = f"{path.relative_to(ROOT)}:{call.lineno}"
    flags = [each.value for each in call.keywords if each.arg == "flags"]
    flags += call.args[_FLAGS_AT[how] : _FLAGS_AT[how] + 1]
    pattern = _value(call.args[0], names, where)
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    total = sum(int(_value(each, names, where)) for each in flags)
    return Expression(where, text, total, tuple(sorted(methods)))


def _module(path: Path) -> Names:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    name = f"bpfdoctor.{name}" if name.startswith("checks.") else name
    return vars(importlib.import_module(name.removesuffix(".__init__")))


def _value(node: ast.expr, names: Names, where: str) -> Any:
    try:
        return eval(compile(ast.Expression(node), where, "eval"), dict(names))
    except NameError as error:
        raise AssertionError(f"{where}: tell the test what may stand there: {error}") from None


def _methods_of(call: ast.Call, tree: ast.Module, trees: dict[Path, ast.Module]) -> set[str]:
    """What is called of the name that the expression gets, in any file that knows that name."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr != "compile":
        return {call.func.attr}
    names = {
        target.id if isinstance(target, ast.Name) else target.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(each is call for each in ast.walk(node))
        for target in node.targets
        if isinstance(target, ast.Name | ast.Attribute)
    }
    found = {
        method
        for other in trees.values()
        for name in names
        if other is tree or not name.startswith("_")
        for method in _called(other, name)
    }
    return found or {"search", "sub"}


def _called(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _METHODS:
            of = node.value.value if isinstance(node.value, ast.Subscript) else node.value
            if name in (getattr(of, "id", ""), getattr(of, "attr", "")):
                yield node.attr


def beyond_automata(expression: Expression) -> bool:
    """Whether it looks around, or back at a group, or counts beyond a thousand: re2 does not."""
    return bool(re.search(r"\(\?(?:=|!|<=|<!)|\\[1-9]|\(\?P=|,\d{4}\}", expression.pattern))
