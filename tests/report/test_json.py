from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from bpfdoctor.model import Report, Verdict
from bpfdoctor.report.json import FIRST, error_json, report_json
from bpfdoctor.report.schema import FILE, schema, schema_text

FINDING = [
    "id", "about", "key", "title", "status",
    "needed", "summary", "evidence", "fixes", "blocked_by",
]  # fmt: skip


def read(report: Report) -> Any:
    return json.loads(report_json(report))


def test_a_broken_machine_is_written_as_it_was(
    broken: Report, golden: Callable[[str, str], None]
) -> None:
    golden("broken.json", report_json(broken).decode())


def test_the_fields_come_in_the_order_agreed(broken: Report) -> None:
    document = read(broken)
    assert list(document)[:9] == [*FIRST, "programs"]
    assert list(document["findings"][0]) == FINDING
    assert list(document["verdict"]) == ["exit", "readiness", "summary"]
    assert list(document["project"]) == ["name", "layout", "path"]
    assert list(document["host"]) == ["release", "architecture", "distribution", "privileged"]


def test_what_was_written_is_read_back_the_same(ready: Report, broken: Report) -> None:
    for report in (ready, broken):
        assert msgspec.json.decode(report_json(report), type=Report) == report


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
    document = json.loads(error_json("usage", "no such check", "did you mean kernel.btf?"))
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
