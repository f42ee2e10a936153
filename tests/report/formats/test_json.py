from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from bpfdoctor.model import Report, Verdict
from bpfdoctor.report.documents import ErrorDocument, ReportDocument
from bpfdoctor.report.formats import json as json_format
from bpfdoctor.report.paper import Paper
from bpfdoctor.report.schema import FILE, schema, schema_text

FINDING = [
    "id", "about", "key", "title", "status",
    "needed", "summary", "evidence", "fixes", "blocked_by",
]  # fmt: skip


def written(report: Report) -> bytes:
    return json_format.report(ReportDocument(report, dict, ()), Paper)


def read(report: Report) -> Any:
    return json.loads(written(report))


def test_a_broken_machine_is_written_as_it_was(
    broken: Report, golden: Callable[[str, str], None]
) -> None:
    golden("broken.json", written(broken).decode())


def test_the_fields_come_in_the_order_agreed(broken: Report) -> None:
    document = read(broken)
    assert list(document)[:9] == [*json_format.FIRST, "programs"]
    assert list(document["findings"][0]) == FINDING
    assert list(document["verdict"]) == ["exit", "readiness", "summary", "subject"]
    assert list(document["project"]) == ["name", "layout", "path"]
    assert list(document["host"]) == ["release", "architecture", "distribution", "privileged"]


def test_what_was_written_is_read_back_the_same(ready: Report, broken: Report) -> None:
    for report in (ready, broken):
        assert msgspec.json.decode(written(report), type=Report) == report


def test_a_reader_ignores_a_field_that_it_does_not_know(ready: Report) -> None:
    document = {**read(ready), "moon": "full"}
    assert msgspec.json.decode(json.dumps(document), type=Report) == ready


def test_bytes_that_no_encoding_holds_are_written_as_escapes(ready: Report) -> None:
    verdict = Verdict(0, ready.verdict.readiness, "caf\udce9")
    document = read(msgspec.structs.replace(ready, verdict=verdict))
    assert document["verdict"]["summary"] == "caf\\udce9"


@pytest.mark.parametrize("name", ["ready", "broken"])
def test_a_report_is_valid_by_the_schema(name: str, request: pytest.FixtureRequest) -> None:
    jsonschema.validate(read(request.getfixturevalue(name)), json.loads(FILE.read_text()))


def test_an_error_is_valid_by_the_schema() -> None:
    error = ErrorDocument("usage", "no such check", "did you mean kernel.btf?")
    document = json.loads(json_format.error(error, Paper))
    jsonschema.validate(document, schema())
    assert list(document) == ["schema", "tool", "error"]
    assert document["error"] == {
        "kind": "usage",
        "message": "no such check",
        "hint": "did you mean kernel.btf?",
    }


def test_the_schema_refuses_a_status_that_does_not_exist(ready: Report) -> None:
    document = read(ready)
    document["findings"][0]["status"] = "maybe"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_the_schema_in_the_repository_is_that_of_the_model() -> None:
    assert FILE.read_text() == schema_text(), "run: python -m bpfdoctor.report.schema"
