"""What a shell makes of a line that is pasted whole: a command to type, or nothing at all.

A command to type is marked `$ `. Any other line that a shell would take for more than words which
it does not know begins with `| `: a syntax error in every shell, before anything of it is run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from bpfdoctor.visible import GAP, Shown, escape, field, visible

MARK = "$ "
BAR = "| "
_OWN = "pass warn fail unknown skip error compiled proven predicted wrote waiting"
_PLAIN = "an the no nothing none it its they these this that there but of by on with without"
WORDS = frozenset(f"{_OWN} {_PLAIN}".split())
"""Words of ours that a line or a clause begins with, and that are no command of any shell."""
_UNKNOWN = re.compile(r"[A-Z][a-z]+\.?|[\w.\[\]'-]*[:,]|\d+\.|\[\d+/\d+\]")
"""First words that no shell knows: `Ready`, `why:`, `bpfdoctor:`, `3.`, `[1/3]`."""
_NAMED = re.compile(r"[\w-]+ \([\w./ -]+\)")
"""`NAME (layout)`: in a shell neither a command with arguments nor a function."""
_SPACE = "\\x20"
_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:[^\"\\$`!]|\\.)*\"")
"""What a shell takes as it is."""
_ACTIVE = re.compile(r"[&|<>`$]|!(?=[^\s=(])|\([^()]*(?:e[^\w\s()]|\+)|\(\s*\)")
"""What makes a shell do something: also expand its history, or a pattern's qualifiers (zsh)."""
_RUNS_AT_ONCE = re.compile(r"[`]|\$\(|\$\{|<\(|>\(|[;\n]|(?<!&)&(?!&)|\|\||!(?=[^\s=(])")
"""What a shell does although the command before it was not found."""


def quoted(word: str) -> str:
    r"""A word as a shell takes it for itself: `a`, `'a b'`, `$'a\nb'`."""
    if field(word) == word:
        return shlex.quote(word)
    inside = word.replace("\\", "\\\\").replace("'", "\\'")
    shown = "".join(c if visible(c) == c else _byte(c) for c in inside)
    return f"$'{GAP.sub(lambda gap: _SPACE * len(gap[0]), shown)}'"


def _byte(character: str) -> str:
    r"""An escape of `$'…'`; a byte that is no text stands in a name as U+DC80 to U+DCFF."""
    code = ord(character)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else escape(character)


def command_line(words: Iterable[str]) -> str:
    """A command as it can be typed, in one line whatever its words hold."""
    return " ".join(map(quoted, words))


def typed(command: str, indent: int = 0) -> Shown:
    """The line of a command to type, marked; pasted with its mark it does nothing."""
    return Shown(" " * indent + MARK + _guarded(visible(command)))


def _guarded(command: str) -> str:
    """A command of which nothing is done where `$`, before it, is not found.

    A shell opens the files of `$ command > file`, and runs the second half of `$ a | b`.
    """
    bare = _QUOTED.sub("q", command)
    first = bare.partition("&&")[0]
    if _RUNS_AT_ONCE.search(bare):
        return f"sh -c {shlex.quote(command)}"
    return f"true && {command}" if re.search(r"[|<>]", first) else command


def command_in(line: str) -> str:
    """The command that a line of instructions holds: an indented one; empty for words."""
    text = line.strip()
    told = not line.startswith((" ", "\t", MARK)) or text.startswith("#")
    return "" if told else text.removeprefix(MARK)


def inert(line: str, *, ours: bool = False) -> str:
    """A line that is no command, and that does nothing where it is pasted into a shell.

    `ours`: it begins with a word of this program, or of the checks that are installed.
    """
    first, *rest = _QUOTED.sub("'", line).split(";")
    known = (ours or _no_command(first)) and all(map(_no_command, rest))
    return line if known and not _ACTIVE.search(_QUOTED.sub("'", line)) else barred(line)


def _no_command(clause: str) -> bool:
    first, _, _ = (clause := clause.strip()).partition(" ")
    known = first in {"", *WORDS} or _UNKNOWN.fullmatch(first) or _NAMED.match(clause)
    return bool(known)


def barred(line: str) -> str:
    """A line with a bar before its text, in the margin where there is one."""
    text = line.lstrip(" ")
    margin = max(0, len(line) - len(text) - len(BAR))
    return f"{' ' * margin}{BAR}{text}"
