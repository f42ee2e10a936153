"""What a command can print, as values: each format writes them in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from bpfdoctor.model import Report
    from bpfdoctor.report.inventory import Inventory
    from bpfdoctor.report.paper import Paper

T = TypeVar("T")
ErrorKind = Literal["usage", "limit", "internal"]


class DocumentKind(Enum):
    """A kind of document, in words; its name in small letters is the function that writes it."""

    REPORT = "report"
    PROGRAMS = "table of programs"
    PLAN = "plan"
    INVENTORY = "list of checks and projects"
    ERROR = "error"

    @property
    def function(self) -> str:
        """The name of the function by which a format writes it."""
        return self.name.lower()


class Redacts(Protocol):
    """Replaces what names a person, a machine or a place."""

    @property
    def secrets(self) -> Redacts:
        """Replaces passwords, tokens and keys alone."""

    def value(self, value: T) -> T:
        """Return the same structure with every string in it redacted."""


class ReportDocument(NamedTuple):
    """What `check` and `smoke` print, and `fix` and `init` at their end.

    `explanations` gives the checks' docstrings by id; `own_command` is what calls this very
    bpfdoctor from anywhere. `as_root`: who reads it is root, and needs no sudo.
    """

    report: Report
    explanations: Callable[[], Mapping[str, str]]
    own_command: tuple[str, ...]
    as_root: bool = False

    def redacted(self, by: Redacts) -> ReportDocument:
        """Redact the report; the rest tells of bpfdoctor alone."""
        return self._replace(report=by.value(self.report))


class ProgramsDocument(NamedTuple):
    """What `programs` prints. `of_object`: the programs are those of a compiled object."""

    report: Report
    of_object: bool = False

    def redacted(self, by: Redacts) -> ProgramsDocument:
        """Redact what of the report is printed: the findings that are in the way."""
        from bpfdoctor.report.causes import of_programs

        return self._replace(report=by.value(of_programs(self.report)))


class PlanDocument(NamedTuple):
    """What `--dry-run` prints: the plan as data, and the words that a person consents to.

    The words are empty where the person has read them already.
    """

    plan: Any
    words: str

    def redacted(self, by: Redacts) -> PlanDocument:
        """Redact both."""
        return PlanDocument(by.value(self.plan), by.value(self.words))


class InventoryDocument(NamedTuple):
    """What `list` prints."""

    inventory: Inventory

    def redacted(self, by: Redacts) -> InventoryDocument:
        """Return it as it is: it tells of bpfdoctor alone."""
        return self


class ErrorDocument(NamedTuple):
    """What takes the place of a document.

    `kind`: `usage` (exit status 2), `limit` (3: the machine ran short of something) or
    `internal` (5).
    """

    kind: ErrorKind
    message: str
    hint: str

    def redacted(self, by: Redacts) -> ErrorDocument:
        """Redact both: what the user typed holds names too."""
        return ErrorDocument(self.kind, by.value(self.message), by.value(self.hint))


Document = ReportDocument | ProgramsDocument | PlanDocument | InventoryDocument | ErrorDocument


def bare(document: Document, redacts: Redacts) -> Document:
    """The document for a person's own eyes: without what is secret and of no use in a command.

    A plan stays as it is: what a person agrees to is what will be run.
    """
    if isinstance(document, ReportDocument | ProgramsDocument):
        return document.redacted(redacts.secrets)
    return document


PaperOf = Callable[[], "Paper"]
"""Says what a document is written on; asked by the formats that care, for it takes time."""

KIND_OF: dict[type[Document], DocumentKind] = {
    ReportDocument: DocumentKind.REPORT,
    ProgramsDocument: DocumentKind.PROGRAMS,
    PlanDocument: DocumentKind.PLAN,
    InventoryDocument: DocumentKind.INVENTORY,
    ErrorDocument: DocumentKind.ERROR,
}
