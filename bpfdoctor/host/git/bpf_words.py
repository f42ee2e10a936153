"""What in the text of a build file names BPF, comments left out."""

from __future__ import annotations

import re

SOURCE = ".bpf.c"
"""How the name of a BPF program's source ends."""

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
BUILD_FILES = frozenset({*MAKEFILES, "Cargo.toml", "CMakeLists.txt", "meson.build", "go.mod"})

_WORDS = re.compile(
    r"""\btarget[\s=;,"']+bpf(?:e[lb])?\b|\b(?i:bpf_object)\s*\(|\bgen\s+skeleton\b"""
    r"|libbpf|-lbpf\b|bpf2go"
)
_AYA = re.compile(
    r"""^[ \t]*"?aya(?:-[\w-]+)?"?\s*[.=]|\bdependencies\.aya\b"""
    r"""|\bpackage\s*=\s*"aya(?:-[\w-]+)?\"""",
    re.MULTILINE,
)
_HASH = re.compile(r"#[^\n]*")
_MAKE = re.compile(r"#(?:[^\n\\]|\\.)*", re.DOTALL)  # a backslash carries it to the next line
_BRACKET = re.compile(r"#(?:\[(=*)\[)?")
# A module that another one brings along says nothing of this tree: runc's brings cilium/ebpf.
_GO = re.compile(r"^[^\n]*//[ \t]*indirect\b[^\n]*|//[^\n]*", re.MULTILINE)


def is_source(name: str) -> bool:
    """Whether a file of this name is the source of a BPF program."""
    return name.endswith(SOURCE) and name != SOURCE


def word_in(name: str, text: str) -> str:
    """The first word by which a build file names BPF, in one line; empty where it does not."""
    text = _uncommented(name, text)
    found = _WORDS.search(text) or (_AYA.search(text) if name == "Cargo.toml" else None)
    return " ".join(found[0].split())[:40].rstrip(" .=(") if found else ""


def _uncommented(name: str, text: str) -> str:
    if name == "CMakeLists.txt":
        return _without_brackets(text)
    return (_MAKE if name in MAKEFILES else _GO if name == "go.mod" else _HASH).sub("", text)


def _without_brackets(text: str) -> str:
    """Text of CMake's without comments: `#[[ … ]]`, `#[=[ … ]=]`, and those to a line's end."""
    pieces: list[str] = []
    at, never = 0, set[str]()
    while found := _BRACKET.search(text, at):
        shut = "\n" if found[1] is None else f"]{found[1]}]"
        end = -1 if shut in never else text.find(shut, found.end())
        if end < 0:  # nor is it looked for again: each search may go through all of the text
            never.add(shut)
            shut, end = "\n", text.find("\n", found.end())
        pieces.append(text[at : found.start()])
        if end < 0:
            return "".join(pieces)
        at = end + (len(shut) if shut != "\n" else 0)
    return "".join([*pieces, text[at:]])
