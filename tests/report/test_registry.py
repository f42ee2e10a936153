"""The formats are the files that are there; each says what it is and what it can write."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.report import JSON, TEXT, formats, registry
from bpfdoctor.report.documents import KIND_OF, DocumentKind

Beside = Callable[..., None]


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Beside:
    """Put files beside the formats."""
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])

    def put(name: str, text: str = '"""New."""\n') -> None:
        (tmp_path / name).write_text(text)

    return put


def test_text_and_json_are_there() -> None:
    assert {TEXT, JSON} <= set(registry.names())


def test_a_file_more_is_a_format_more(beside: Beside) -> None:
    before = registry.names()
    beside("aaa.py")
    assert registry.names() == ["aaa", *before]


@pytest.mark.parametrize("name", ["_shared.py", "__init__.py", "notes.txt", "cached.pyc", "bare"])
def test_what_is_no_module_of_a_format_is_none(beside: Beside, name: str) -> None:
    before = registry.names()
    beside(name)
    assert registry.names() == before


def test_a_format_is_listed_and_described_without_being_imported(beside: Beside) -> None:
    beside("explosive.py", '"""Boom, in one line."""\nraise RuntimeError\n')
    assert "explosive" in registry.names()
    assert registry.help_of("explosive") == "Boom, in one line."


@pytest.mark.parametrize("name", registry.names())
def test_every_format_says_in_its_first_line_what_it_is(name: str) -> None:
    told = registry.help_of(name)
    assert told == (registry.load(name).module.__doc__ or "").partition("\n")[0]
    assert 20 < len(told) < 95


@pytest.mark.parametrize("name", registry.names())
def test_every_function_of_a_format_takes_a_document_and_its_paper(name: str) -> None:
    form = registry.load(name)
    written = [kind for kind in DocumentKind if form.writes(kind)]
    assert DocumentKind.REPORT in written
    for kind in written:
        taken = inspect.signature(getattr(form.module, kind.function)).parameters
        assert list(taken) == ["document", "paper"]


def test_every_kind_of_document_is_that_of_one_class() -> None:
    assert sorted(KIND_OF.values(), key=str) == sorted(DocumentKind, key=str)


def test_what_is_written_is_redacted_unless_the_format_says_otherwise(beside: Beside) -> None:
    beside("careless_of_names.py")
    assert registry.load("careless_of_names").redacts
    assert registry.load("json").redacts
    assert not registry.load("text").redacts
