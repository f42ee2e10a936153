"""The JSON Schema of what `--json` prints, made from the model's types.

`python -m bpfdoctor.report.schema` writes it; a test holds the file in the repository to it.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import msgspec

from bpfdoctor.model import SCHEMA, Report
from bpfdoctor.report.error_report import ErrorReport

FILE = Path(__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """A document is a report, or says why there is none."""
    (report, error), components = msgspec.json.schema_components(
        (Report, ErrorReport), ref_template="#/$defs/{name}"
    )
    for document in ("Report", "ErrorReport"):  # always written, although it has a default
        components[document]["required"].append("schema")
    for component in components.values():  # Python 3.13 strips what earlier ones leave
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"bpfdoctor report, schema {SCHEMA}",
        "anyOf": [report, error],
        "$defs": dict(sorted(components.items())),
    }


def schema_text() -> str:
    """The content of `schema.json`."""
    return msgspec.json.format(msgspec.json.encode(schema())).decode() + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), encoding="utf-8")
