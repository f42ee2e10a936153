"""What root may run: a program that a build of this run has made, named beyond doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Grant(msgspec.Struct, frozen=True):
    """A kind of question by which root runs something, and the fields that name the program."""

    ask: str
    named: tuple[Any, ...]


def grant_of(kind: str, named: Sequence[Any]) -> Grant:
    """A grant for questions of a kind. Raises TypeError for what names no program."""
    whole = tuple(tuple(each) if isinstance(each, list) else each for each in named)
    hash(whole)
    return Grant(kind, whole)
