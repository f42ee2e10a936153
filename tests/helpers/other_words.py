"""All that bpfdoctor says in words, said in words of chance: of the same text always the same."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
import pytest

from bpfdoctor import contract
from bpfdoctor.api import Answer, Attempt, Check, Finding, Fix, Host, NoAnswer, Question, Refused
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.load import Loaded
from bpfdoctor.host.bpf.call_names import BY_TEXT
from bpfdoctor.host.bpf.context import RETURNING
from bpfdoctor.host.catalog import question_kinds
from bpfdoctor.host.question import A

S = TypeVar("S", bound=msgspec.Struct)


class Words:
    """Words of chance in the place of texts; what is one of them already, and nothing, stay."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._by_text: dict[str, str] = {}
        self._made = {""}

    def of(self, text: str) -> str:
        """The words for a text."""
        if text in self._made:
            return text
        if text not in self._by_text:
            self._by_text[text] = "".join(self._random.choices(string.ascii_lowercase, k=16))
            self._made.add(self._by_text[text])
        return self._by_text[text]

    def finding(self, finding: Finding) -> Finding:
        """A finding of which no word is left."""
        return msgspec.structs.replace(
            finding,
            summary=self.of(finding.summary),
            evidence=tuple(self._all(each, "source", "text") for each in finding.evidence),
            fixes=tuple(self._fix(each) for each in finding.fixes),
        )

    def checks(self, loaded: Loaded) -> Loaded:
        """The checks, by other titles."""
        named: tuple[Check, ...] = tuple(self._all(each, "title") for each in loaded.checks)
        return Loaded(named, loaded.broken)

    def answer(self, value: Any) -> Any:
        """An answer that calls what was refused by other names, and explains it in other words."""
        if isinstance(value, tuple):
            return tuple(self.answer(each) for each in value)
        if isinstance(value, Refused) and value.what.startswith(RETURNING):
            what = self.of(RETURNING) + value.what.removeprefix(RETURNING)
            return msgspec.structs.replace(value, what=what)
        if not isinstance(value, Answer):
            return value
        fields = {name: self.answer(getattr(value, name)) for name in value.__struct_fields__}
        told = {Attempt: "call", NoAnswer: "detail"}.get(type(value))
        if told:
            fields[told] = self.of(fields[told])
        return msgspec.structs.replace(value, **fields)

    def _fix(self, fix: Fix) -> Fix:
        return self._all(fix, "text")

    def _all(self, value: S, *fields: str) -> S:
        changed = {name: self.of(getattr(value, name)) for name in fields}
        return msgspec.structs.replace(value, **changed)


class OtherWords:
    """A host whose answers say the same in other words."""

    def __init__(self, host: Host, words: Words) -> None:
        self.host, self.words = host, words

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        return self.words.answer(self.host.ask(question))  # type: ignore[no-any-return]


def speak(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is shown of questions, answers, calls and findings is in these words from now on."""
    question_kinds()  # all of them are imported
    for kind in (*below(Answer), *below(Question)):
        for name in {"shown", "source", "command"} & vars(kind).keys():
            monkeypatch.setattr(kind, name, in_words(words, vars(kind)[name]))
    made, add = contract._finding, Findings.add
    monkeypatch.setattr(contract, "_finding", lambda *all_of: words.finding(made(*all_of)))
    monkeypatch.setattr(Findings, "add", lambda self, each: add(self, words.finding(each)))
    calls = {words.of(text): call for text, call in BY_TEXT.items()}
    monkeypatch.setattr("bpfdoctor.host.bpf.calls.BY_TEXT", calls)
    monkeypatch.setattr("bpfdoctor.host.bpf.context.RETURNING", words.of(RETURNING))


def in_words(words: Words, method: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """The method, for which other words are given."""

    def said(self: Any) -> str | None:
        text = method(self)
        return None if text is None else words.of(text)

    return said


def below(kind: type[Any]) -> Iterator[type[Any]]:
    """A class and all that are made from it."""
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)
