"""make's functions of text: each takes its arguments expanded, and asks nothing of the machine."""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Callable


def substituted(pattern: str, replacement: str, text: str) -> str:
    """`$(patsubst …)`: each word that matches, with what the `%` stood for."""
    return " ".join(_replaced(pattern, replacement, word) for word in text.split())


def _replaced(pattern: str, replacement: str, word: str) -> str:
    stem = _stem(pattern, word)
    return word if stem is None else replacement.replace("%", stem, 1)


def _stem(pattern: str, word: str) -> str | None:
    before, percent, after = pattern.partition("%")
    if not percent:
        return "" if word == pattern else None
    fits = len(word) >= len(before) + len(after)
    if fits and word.startswith(before) and word.endswith(after):
        return word[len(before) : len(word) - len(after)]
    return None


def _filtered(patterns: str, text: str, *, wanted: bool) -> str:
    plain = {each for each in patterns.split() if "%" not in each}
    others = [each for each in dict.fromkeys(patterns.split()) if "%" in each]
    words = text.split()

    def fits(word: str) -> bool:
        return word in plain or any(_stem(each, word) is not None for each in others)

    return " ".join(word for word in words if fits(word) == wanted)


def _subst(old: str, new: str, text: str) -> str:
    return text.replace(old, new) if old else text + new


def _number(text: str) -> int:
    return int(text.strip()[:9])


def _word(number: str, text: str) -> str:
    words = text.split()
    return words[_number(number) - 1] if 1 <= _number(number) <= len(words) else ""


def _joined(first: str, second: str) -> str:
    left, right = first.split(), second.split()
    longest = max(len(left), len(right))
    left += [""] * (longest - len(left))
    right += [""] * (longest - len(right))
    return " ".join(a + b for a, b in zip(left, right, strict=True))


def _each(change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        return " ".join(filter(None, (change(word) for word in text.split())))

    return changed


def _directory(name: str) -> str:
    return name[: name.rfind("/") + 1] or "./"


def _suffix(name: str) -> str:
    last = name[name.rfind("/") + 1 :]
    return last[last.rfind(".") :] if "." in last else ""


def absolute(name: str, directory: str) -> str:
    """A path without `.` and `..`; one of a recorded machine may begin with what stands for it."""
    whole = name if name.startswith(("/", "$", "~/")) else f"{directory}/{name}"
    path = posixpath.normpath(whole)
    return "/" + path.lstrip("/") if path.startswith("/") else path


FUNCTIONS: dict[str, tuple[int, Callable[..., str]]] = {
    "addprefix": (2, lambda before, text: _each(lambda word: before + word)(text)),
    "addsuffix": (2, lambda after, text: _each(lambda word: word + after)(text)),
    "basename": (1, _each(lambda word: word[: len(word) - len(_suffix(word))])),
    "dir": (1, _each(_directory)),
    "filter": (2, functools.partial(_filtered, wanted=True)),
    "filter-out": (2, functools.partial(_filtered, wanted=False)),
    "findstring": (2, lambda part, text: part if part in text else ""),
    "firstword": (1, lambda text: (text.split() or [""])[0]),
    "join": (2, _joined),
    "lastword": (1, lambda text: (text.split() or [""])[-1]),
    "notdir": (1, _each(lambda word: word[word.rfind("/") + 1 :])),
    "patsubst": (3, substituted),
    "sort": (1, lambda text: " ".join(sorted(set(text.split())))),
    "strip": (1, lambda text: " ".join(text.split())),
    "subst": (3, _subst),
    "suffix": (1, _each(_suffix)),
    "word": (2, _word),
    "words": (1, lambda text: str(len(text.split()))),
}
"""By name: how many arguments it takes, and what it makes of them. A ValueError: make stops."""
