"""Every kind of question by name, and questions and answers as JSON.

A new kind of question needs no entry anywhere: the modules of the rooms that put questions are
imported when the first one is decoded, and each subclass of `Question` in them counts.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from bpfdoctor.host.question import Answer, Question, answer_type
from bpfdoctor.typed import from_plain

ROOMS = ("bpfdoctor.host", "bpfdoctor.smoke")
"""The packages that may define questions, by name: `host` may not import `smoke`."""


@cache
def question_kinds() -> dict[str, type[Question[Any]]]:
    """The kinds of question that bpfdoctor knows, by their name in snapshots."""
    for room in ROOMS:
        _import_all(room)
    ours = (kind for kind in _below(Question) if kind.__module__.startswith(ROOMS))
    return {name_of(kind): kind for kind in ours}


def name_of(kind: type[Question[Any]]) -> str:
    """The name of a kind in snapshots, on the wire and in the cache: the tag of its class."""
    return str(kind.__struct_config__.tag)


def _import_all(package: str) -> None:
    import pkgutil

    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _below(kind: type[Question[Any]]) -> Iterator[type[Question[Any]]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def encode(value: object) -> bytes:
    """A question, an answer or plain data as one line of JSON.

    A name that is not UTF-8 holds lone surrogates in Python; they are kept, as escapes.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        import json

        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()


def decode(data: bytes) -> Any:
    """Plain data of JSON. Raises ValueError for anything else, absurd nesting included."""
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise ValueError("its values are nested too deep") from None
    except ValueError as error:
        import json

        try:
            return json.loads(data)  # lone surrogates
        except (ValueError, RecursionError):
            raise ValueError(str(error)) from None


def to_question(plain: Any) -> Question[Any]:
    """The question in plain data.

    Raises LookupError for a kind that is not known here, ValueError for one of another shape.
    """
    if not isinstance(plain, dict) or not isinstance(name := plain.get("ask"), str):
        raise ValueError("a question is an object with its kind in `ask`")
    if name not in question_kinds():
        raise LookupError(f"unknown kind of question: {name}")
    question = from_plain(plain, question_kinds()[name])
    assert isinstance(question, Question)
    return question


def to_answer(question: Question[Any], plain: Any) -> Answer:
    """The answer to `question` in plain data. Raises ValueError if it cannot be one."""
    answer = from_plain(plain, _answer_type(type(question)))
    assert isinstance(answer, Answer)
    return answer


@cache
def _answer_type(kind: type[Question[Any]]) -> Any:
    return answer_type(kind)
