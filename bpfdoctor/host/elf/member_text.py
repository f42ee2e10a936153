"""Which member of a struct a line of C names where the compiler points at.

For a load, or for an address that is computed, clang's column is that of the member's own name
(`t->pid`: that of `pid`); for a call it is that of the function, or of the macro that it came
from. Only what is plain is told: one pointer, then names. The text is bounded by its reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z_]\w*")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_DECLARED = re.compile(r"\bstruct (\w+) ?\*")

_READERS = ("bpf_probe_read", "bpf_probe_read_kernel")
READERS = {f"{each}{end}" for each in _READERS for end in ("", "_str")}
"""Helpers that are given the address to read from as their third argument."""

MACROS = {"BPF_PROBE_READ": 1, "BPF_PROBE_READ_INTO": 2, "BPF_PROBE_READ_STR_INTO": 2}
"""libbpf's macros that read without relocation (bpf_core_read.h, libbpf 0.0.6), each with the
number of arguments before the members that it follows."""


class MemberText(NamedTuple):
    """Names of a member, outermost first (`a.b`), and the pointer's variable or cast."""

    path: str
    base: str = ""
    cast: str = ""


def pointed_at(text: str, column: int) -> MemberText | None:
    """The member whose name is at a column; None where it is no plain member of a pointer."""
    found = _NAME.match(text, column - 1) if 0 < column <= len(text) else None
    if found is None or (column > 1 and (text[column - 2].isalnum() or text[column - 2] == "_")):
        return None
    after = text[found.end() :].lstrip()
    if after.startswith("->") and not text[: found.start()].rstrip().endswith((".", "->")):
        return _array(found[0], after[2:].lstrip())
    if after.startswith(("[", ".", "(")):
        return None
    path, before = [found[0]], text[: found.start()].rstrip()
    while before.endswith("."):
        name, before = _last_name(before[:-1].rstrip())
        if not name:
            return None
        path.insert(0, name)
        before = before.rstrip()
    if not before.endswith("->"):
        return None
    return MemberText(".".join(path), *_base(before[:-2].rstrip()))


def _array(base: str, text: str) -> MemberText | None:
    """The array that is a member of a pointer's: clang's column is that of the whole, `t->comm`."""
    found = _PATH.match(text)
    after = text[found.end() :].lstrip() if found else ""
    return (
        None if not found or after.startswith(("[", "(", "->", ".")) else MemberText(found[0], base)
    )


def _base(text: str) -> tuple[str, str]:
    """The variable that a text ends with, or the struct of the cast; neither where it is more."""
    name, before = _last_name(text)
    if name and not before.rstrip().endswith(("->", ".")):
        return name, ""
    if not text.endswith(")"):
        return "", ""
    inside = text[_opening(text) :]
    casts = _DECLARED.findall(inside)
    return "", casts[0] if len(casts) == 1 and "->" not in inside else ""


def _last_name(text: str) -> tuple[str, str]:
    """The name that a text ends with, and what is before it."""
    at = len(text)
    while at and (text[at - 1].isalnum() or text[at - 1] == "_"):
        at -= 1
    return (text[at:], text[:at]) if _NAME.fullmatch(text, at) else ("", text)


def _opening(text: str) -> int:
    """Where the parenthesis was opened that a text ends with."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if not depth:
            return at
    return 0


def called_at(text: str, column: int) -> tuple[str, list[str]]:
    """The name of what is called at a column, and its arguments; none where they do not end."""
    found = _NAME.match(text, column - 1) if 0 < column <= len(text) else None
    if found is None or not text.startswith("(", found.end()):
        return found[0] if found else "", []
    depth, arguments, start = 0, [], found.end() + 1
    for at in range(found.end(), len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if (depth == 1 and text[at] == ",") or not depth:
            arguments.append(text[start:at].strip())
            start = at + 1
        if not depth:
            return found[0], arguments
    return found[0], []


def argument_of(text: str, column: int) -> MemberText | None:
    """The member whose address the helper that is called at a column is given (`&t->pid`)."""
    name, arguments = called_at(text, column)
    source = arguments[2] if name in READERS and len(arguments) == 3 else ""
    last = _last_name(source)[0]
    if not source.startswith("&") or not last:
        return None
    return pointed_at(source[1:], len(source) - len(last))


def followed_by(text: str, column: int) -> list[str]:
    """The members that a macro of libbpf's at a column follows, one after the other."""
    name, arguments = called_at(text, column)
    members = arguments[MACROS[name] :] if name in MACROS else []
    plain = all(_NAME.fullmatch(part) for each in members for part in each.split("."))
    return members if plain else []


def declared(texts: Iterable[str], name: str) -> set[str]:
    """The structs that these lines declare a pointer of this name to."""
    found: set[str] = set()
    for text in texts if name else ():
        for each in _DECLARED.finditer(text):
            for declarator in _declarators(text, each.end()):
                if declarator == name:
                    found.add(each[1].partition("___")[0])
    return found


def _declarators(text: str, at: int) -> list[str]:
    """The names of `*a, *b = …` from behind the first star on."""
    rest = text[at:].lstrip(" *")
    found = _NAME.match(rest)
    names = [found[0]] if found else []
    stars = (part.strip() for part in rest.partition(";")[0].split(",")[1:])
    further = (_NAME.match(part.lstrip("* ")) for part in stars if part.startswith("*"))
    return names + [each[0] for each in further if each]
