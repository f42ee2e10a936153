"""The formats that there are: the files in `report/formats/`, each imported when it is used."""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import NamedTuple

from bpfdoctor.report import formats
from bpfdoctor.report.documents import KIND_OF, Document, DocumentKind, PaperOf


class Format(NamedTuple):
    """A way to write documents, by the functions of a module."""

    name: str
    module: ModuleType

    @property
    def redacts(self) -> bool:
        """Whether it may be given redacted documents only."""
        return bool(getattr(self.module, "REDACTED", True))

    def writes(self, kind: DocumentKind) -> bool:
        """Whether it can write such a document."""
        return hasattr(self.module, kind.function)

    def write(self, document: Document, paper: PaperOf) -> str | bytes:
        """Write a document of a kind that it can write."""
        written = getattr(self.module, KIND_OF[type(document)].function)(document, paper)
        assert isinstance(written, str | bytes)
        return written


def names() -> list[str]:
    """Return the name of every format, in alphabetical order; none is imported."""
    return sorted(_files())


def help_of(name: str) -> str:
    """Return the first line of a format's file: what it is, without the time of importing it."""
    with open(_files()[name], encoding="utf-8") as file:
        return file.readline().strip().strip('"')


def load(name: str) -> Format:
    """Import one of the formats that there are."""
    return Format(name, importlib.import_module(f"{formats.__name__}.{name}"))


def _files() -> dict[str, str]:
    """Name → file of each format; what begins with an underscore is none."""
    found = (entry for place in formats.__path__ for entry in os.scandir(place))
    split = {os.path.splitext(entry.name): entry.path for entry in found}
    return {name: path for (name, end), path in split.items() if end == ".py" and name[0] != "_"}
