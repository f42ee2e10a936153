"""Replaces text in structures: every string of a Struct, list or dictionary."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from bpfdoctor.host.secret_names import SECRET, is_secret_name, is_strongly_secret, says_nothing

T = TypeVar("T")

MOST_PASSES = 5
"""What one pass has replaced may make another name begin a word; the next pass sees that."""


class Replacing:
    """Replaces something in a text (`once`, which a subclass has), and so in whole structures."""

    def text(self, text: str) -> str:
        """The text, with what is to be replaced replaced; once more changes nothing."""
        text = printable(text)
        for _ in range(MOST_PASSES):
            before, text = text, self.once(text)
            if text == before:
                break
        return text

    def once(self, text: str) -> str:
        """The text after one pass."""
        raise NotImplementedError

    def value(self, value: T) -> T:
        """The same structure with every string in it redacted: Structs, lists, dictionaries.

        Names of fields, numbers and fields that may only hold one of a few words stay.
        """
        return _Walk(self.text).value(value)  # type: ignore[no-any-return]


class _Walk:
    """One structure, every string of it replaced: a report says most of its own more than once."""

    def __init__(self, text: Callable[[str], str]) -> None:
        self._text = cache(text)

    def value(self, value: Any) -> Any:
        if type(value) is str:  # an Enum of strings stays
            return self._text(value)
        if isinstance(value, msgspec.Struct):
            fields = {name: getattr(value, name) for name in free_fields(type(value))}
            changed = {name: self.value(each) for name, each in fields.items()}
            return msgspec.structs.replace(value, **changed)
        if isinstance(value, dict):
            return {self.value(key): self._named(key, each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            before = (None, *value)
            return type(value)(self._after(*pair) for pair in zip(before, value))  # noqa: B905
        if isinstance(value, set | frozenset):
            return type(value)(self.value(each) for each in value)
        return value

    def _named(self, name: Any, value: Any) -> Any:
        """A value that has a name: that of a secret one is a secret, however it looks."""
        if type(name) is str and type(value) is str and is_secret_name(name):
            return value if says_nothing(value, strong=is_strongly_secret(name)) else SECRET
        return self.value(value)

    def _after(self, before: Any, value: Any) -> Any:
        """One of several: what follows `--token` is its argument."""
        option = type(before) is str and before.startswith("--") and "=" not in before
        if option and type(value) is str and is_strongly_secret(before):
            return SECRET
        return self.value(value)


def printable(text: str) -> str:
    """`text` that UTF-8 can hold: bytes that were no text are written as escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
        except UnicodeEncodeError:
            return text.encode(errors="backslashreplace").decode()
    return text


@cache
def free_fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields that may hold any text; not those of a few words (`Literal`)."""
    fields = msgspec.structs.fields(kind)
    return tuple(field.name for field in fields if not _few_words(field.type))


def _few_words(kind: Any) -> bool:
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return True
    return bool(parts) and all(_few_words(part) for part in parts)
