"""The closed list: each question that root puts, and what each of its fields may be.

Nothing here reads a file that the asker names, or runs anything; the two that run a program stand
under a grant besides (`bpfdoctor.host.warrant`). A field that is not in the list is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from bpfdoctor.host.catalog import name_of
from bpfdoctor.host.question import Question

Bound = Callable[[Any], bool]
"""Whether a value is one that bpfdoctor would ask with."""

MOST_AT_ONCE = 4096
"""Things that one question names at most: an object with so many helpers or maps is none."""

MOST_MEMORY = 1 << 26
"""Bytes of a map that is made for a moment."""

TEXT = 4096
"""Characters of a name or an argument."""

PLACES = ("/proc", "/sys", "/sys/fs/bpf", "/sys/fs/selinux")
"""The kernel's own places, asked of with statfs(2): where other files are, root does not tell."""


def _word(value: str) -> bool:
    """A name in tracefs or of a symbol: no part of a path, and nothing that a line could end at."""
    return re.fullmatch(r"(?!\.\.?\Z)[\w.$-]{0,255}", value, re.ASCII) is not None


def _text(value: str) -> bool:
    """Printable text that is only compared: a name in BTF, a target as in SEC(), a licence."""
    return len(value) <= TEXT and value.isascii() and value.isprintable()


def _argument(value: str) -> bool:
    return len(value) <= TEXT and "\0" not in value


def _path(value: str) -> bool:
    return value.startswith("/") and _argument(value)


def _code(value: str) -> bool:
    """Instructions in hexadecimal."""
    return re.fullmatch(r"(?:[0-9a-f]{16}){1,4096}", value) is not None


def _offset(value: int) -> bool:
    return abs(value) < 1 << 32


def _any(value: Any) -> bool:
    """The type of the field is bound enough: bool, or one of a few words."""
    return isinstance(value, (bool, str))


def _up_to(most: int) -> Bound:
    return lambda value: 0 <= value <= most


def _each(bound: Bound, most: int = MOST_AT_ONCE) -> Bound:
    return lambda values: len(values) <= most and all(map(bound, values))


def _numbers(*bounds: Bound) -> Bound:
    """A tuple of numbers, each within its bound."""
    return lambda values: all(bound(value) for bound, value in zip(bounds, values, strict=True))


def _struct(**bounds: Bound) -> Bound:
    """Something with just these fields."""
    return lambda value: not _beyond(value, bounds)


U8, U16, U32, U64 = (_up_to((1 << bits) - 1) for bits in (8, 16, 32, 64))
HASHES = (1, 5, 9, 10)
"""Hash maps in enum bpf_map_type: the kernel refuses a value that is too large (E2BIG)."""

SIZES: Mapping[str, Bound] = {"key_size": U32, "value_size": U32, "entries": U32}
MAP: Mapping[str, Bound] = {"number": U32, **SIZES, "flags": U32, "typed": _any}


def _small(value: Any) -> bool:
    """A map that takes little memory, or none because the kernel refuses it."""
    size = value.entries * (value.key_size + value.value_size + 8)
    refused = getattr(value, "number", 0) in HASHES and value.entries == 1
    return refused or bool(size <= MOST_MEMORY)


LIKE = _struct(type=_word, attach=U32, flags=U32, license=_text, target=_text, btf_id=_up_to(0))
NAMES = _each(_text, 16)

CLOSED_LIST: Mapping[str, Mapping[str, Bound]] = {
    # who asks, and what the kernel says of itself
    "AskIdentity": {},
    "AskBpf": {},
    "AskTracefs": {"old": _any},
    "AskTraceWindow": {},
    "AskFileSystem": {"path": lambda value: value in PLACES},
    "AskSecurityFile": {"name": _any},
    "AskKernelOption": {"name": _word},
    "AskTracepoint": {"category": _word, "name": _word},
    "RaiseMemlock": {"limit": lambda value: -1 <= value < 1 << 63},
    # events that never count anything
    "OpenPerfEvent": {},
    "CountCycles": {},
    # maps and programs that are made for a moment and never run
    "CreateMap": {"type": _word, **SIZES},
    "TryMap": MAP,
    "UseGlobalData": {},
    "LoadProgram": {"type": _word},
    "LoadLsm": {"hook": _text, "sleepable": _any},
    "AskHelper": {"type": _word, "helper": _word},
    "TryCalls": {"like": LIKE, "helpers": _each(U32), "functions": _each(_text)},
    "TryContext": {
        "like": LIKE,
        "reads": _each(_numbers(_offset, U8), 1 << 16),
        "returns": _each(U64),
        "returned": _each(_offset),
        "through": _each(_numbers(_offset, _offset, U8)),
        "maps": _each(lambda value: not _beyond(value, MAP) and _small(value)),
    },
    "TryInstructions": {"forms": _each(_numbers(U8, _offset, _offset))},
    # programs of ours that do nothing, attached for a moment
    "AttachTracepoint": {"category": _word, "name": _word, "reads": U16},
    "AttachRawTracepoint": {"name": _text, "reads": U16, "writable": _any},
    "AttachKprobe": {"returns": _any, "functions": _each(_word, 16), "offset": U64},
    "AttachUprobe": {"returns": _any},
    "AttachTrampoline": {
        "kind": _any,
        "functions": NAMES,
        "sleepable": _any,
        "loading": _any,
    },
    "AttachBtfTracepoint": {"name": _text},
    "AttachIterator": {"what": _text, "sleepable": _any},
    "AttachSocketFilter": {},
    "AttachClassifier": {},
    "FireLsm": {},
    # the same, hit once by ourselves and counted
    "FireOnce": {"kind": _any},
    # what a smoke test runs, under a grant
    "Fire": {
        "code": _code,
        "map_references": _each(U16),
        "what": _text,
        "prints": _any,
        "upto": _any,
    },
    "RunProgram": {
        "binary": _path,
        "sha256": _word,
        "program": _text,
        "arguments": _each(_argument, 64),
        "trigger": _any,
        "watch": _any,
        "pattern": _argument,
        "limit": _up_to(60),
    },
}


def outside(question: Question[Any]) -> str:
    """The field of a question by which it is outside the list; empty where it is within."""
    beyond = _beyond(question, CLOSED_LIST[name_of(type(question))])
    if not beyond and hasattr(question, "entries") and not _small(question):
        return "size"
    return beyond


def _beyond(value: Any, bounds: Mapping[str, Bound]) -> str:
    """The first field without a bound, or beyond it."""
    for name in value.__struct_fields__:
        if name not in bounds or not bounds[name](getattr(value, name)):
            return str(name)
    return ""
