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
    r"""^\s*"?aya(?:-[\w-]+)?"?\s*[.=]|\bdependencies\.aya\b|\bpackage\s*=\s*"aya(?:-[\w-]+)?\"""",
    re.MULTILINE,
)
_HASH = re.compile(r"#[^\n]*")
_MAKE = re.compile(r"#(?:[^\n\\]|\\.)*", re.DOTALL)  # a backslash carries it to the next line
_CMAKE = re.compile(r"#\[(=*)\[.*?\]\1\]|#[^\n]*", re.DOTALL)
# A module that another one brings along says nothing of this tree: runc's brings cilium/ebpf.
_GO = re.compile(r"^[^\n]*//[ \t]*indirect\b[^\n]*|//[^\n]*", re.MULTILINE)


def is_source(name: str) -> bool:
    """Whether a file of this name is the source of a BPF program."""
    return name.endswith(SOURCE) and name != SOURCE


def word_in(name: str, text: str) -> str:
    """The first word by which a build file names BPF, in one line; empty where it does not."""
    text = _comment(name).sub("", text)
    found = _WORDS.search(text) or (_AYA.search(text) if name == "Cargo.toml" else None)
    return " ".join(found[0].split())[:40].rstrip(" .=(") if found else ""


def _comment(name: str) -> re.Pattern[str]:
    if name in MAKEFILES:
        return _MAKE
    return {"CMakeLists.txt": _CMAKE, "go.mod": _GO}.get(name, _HASH)
