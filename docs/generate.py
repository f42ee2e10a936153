"""Write docs/reference/ from the code: checks, commands, projects, the report.

python docs/generate.py            write it
python docs/generate.py --check    exit 1 if what is there is not what would be written
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from bpfdoctor.api import Check
from bpfdoctor.cli.app import COMMANDS, app
from bpfdoctor.cli.explain import needed_by
from bpfdoctor.engine.load import load_checks
from bpfdoctor.projects.model import ProjectKind
from bpfdoctor.projects.reader import kinds
from bpfdoctor.projects.rules import rules_in_words
from bpfdoctor.report import registry
from bpfdoctor.report.schema import schema
from bpfdoctor.smoke.judge import CHECKS as SMOKE_CHECKS

HERE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from the code: change it there. -->\n\n"
WIDTH = 90


def pages() -> dict[str, str]:
    """Every generated page, by its name in docs/reference/."""
    loaded = load_checks()
    if loaded.broken:
        raise SystemExit("\n".join(loaded.broken.values()))
    checks = sorted((*loaded.checks, *SMOKE_CHECKS), key=lambda check: check.id)
    made = {
        "checks.md": "\n".join(checks_page(checks)),
        "cli.md": "\n".join(cli_page()),
        "projects.md": "\n".join(projects_page()),
        "report.md": "\n".join(report_page()),
    }
    return {name: NOTE + text.rstrip() + "\n" for name, text in made.items()}


def checks_page(checks: list[Check]) -> Iterator[str]:
    """What `explain` shows, of every check."""
    yield "# Checks\n"
    yield "`bpfdoctor explain ID` shows the same in a terminal.\n"
    for subject, group in groupby(checks, lambda check: check.subject):
        yield f"## {subject}\n"
        for check in group:
            yield from check_section(check)


def check_section(check: Check) -> Iterator[str]:
    """One check."""
    yield f"### {check.id}\n"
    yield f"**{check.title}**\n"
    yield inspect.cleandoc(check.doc) + "\n"
    if check.requires:
        yield "Not judged before these pass: " + ", ".join(map(code, check.requires)) + ".\n"
    if check.explained_by:
        yield "Not judged where this fails: " + ", ".join(map(code, check.explained_by)) + ".\n"
    if check.excused_by:
        keys = ", ".join(map(code, check.excused_by))
        yield f"What it finds wrong is put down to these, unless they pass: {keys}.\n"
    if check.gates:
        yield "It counts whatever program is selected.\n"
    needed = list(needed_by(check.id))
    if needed:
        yield "Needed by\n"
        yield from (f"* {line.strip()}" for line in needed)
        yield ""


def cli_page() -> Iterator[str]:
    """The help of every command."""
    yield "# Command line\n"
    yield from formats_section()
    parent = click.Context(app, info_name="bpfdoctor", **app.context_settings)
    yield from help_section(app, "bpfdoctor", parent)
    for name in COMMANDS:
        command = app.get_command(parent, name)
        assert command is not None
        context = click.Context(command, parent=parent, info_name=name)
        yield from help_section(command, f"bpfdoctor {name}", context)


def formats_section() -> Iterator[str]:
    """What --format takes."""
    yield "`--format FORMAT[=FILE]` takes these formats:\n"
    yield from (f"* {code(name)}: {registry.help_of(name)}" for name in registry.names())
    yield "\nIt may be repeated. Without FILE the format goes to standard output, which takes one;"
    yield "without any, it carries text. FILE is written whole or not at all. `--json` is"
    yield "`--format json`.\n"


def help_section(command: click.Command, title: str, context: click.Context) -> Iterator[str]:
    """One command's help, as wide as it is here on every terminal."""
    context.max_content_width = context.terminal_width = WIDTH
    yield f"## {title}\n"
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"```text\n{text}\n```\n"


def projects_page() -> Iterator[str]:
    """What objects need, and what each project says of its programs."""
    yield "# Projects and programs\n"
    yield "A need is the key of a finding that must pass. `fires` takes `load` and `attach` too;"
    yield "`build` is judged alone: what was built elsewhere may well run here.\n"
    yield from rules_section()
    for kind in kinds().values():
        yield from project_section(kind)


def project_section(kind: ProjectKind) -> Iterator[str]:
    """One project kind."""
    yield f"## {kind.name}\n"
    default = ", ".join(map(code, kind.default))
    yield f"{kind.title}; layout {code(kind.layout)}.\n"
    yield f"Judged by default: {default}. clang {kind.clang} or newer.\n"
    if kind.recognise:
        yield "A checkout is recognised by " + ", ".join(map(code, kind.recognise.files)) + ".\n"
    for stage, keys in kind.needs.items():
        yield f"* to {stage.value}, every program: {', '.join(map(code, keys))}"
    if kind.needs:
        yield ""
    yield "| program | what it is | kernel | beside these, it needs |"
    yield "|---|---|---|---|"
    for name, program in kind.programs.items():
        own = [f"{stage.value}: {_codes(keys)}" for stage, keys in program.needs.items()]
        own += [f"attach: {_codes(program.also)}"] if program.also else []
        disturbs = f" ({program.disturbs})" if program.disturbs else ""
        row = (code(name), program.summary + disturbs, program.kernel or "any", "; ".join(own))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def rules_section() -> Iterator[str]:
    """What is needed behind the build, by what an object holds."""
    yield "## What an object needs\n"
    yield "Behind the build, a program needs what its compiled object says: each BPF program by its"
    yield "kind, its type, its maps, its helpers. `bpfdoctor programs` shows it for your own.\n"
    yield "| what an object has | it needs |"
    yield "|---|---|"
    for what, needs in rules_in_words():
        told = [f"{stage.value}: {_codes(keys)}" for stage, keys in needs.items() if keys]
        yield f"| {what} | {'; '.join(told)} |"
    yield ""


def _codes(keys: Iterable[str]) -> str:
    return ", ".join(map(code, keys))


def report_page() -> Iterator[str]:
    """The fields of the report, off its JSON Schema."""
    yield "# The report's JSON\n"
    yield "`bpfdoctor check --format json` prints a `Report`, or an `ErrorReport` with exit status"
    yield "2 or 5, or 3 where a limit of the machine left no room for a run."
    yield "Names are stable, more may be added, and a reader ignores those that it does not know."
    yield "The JSON Schema is `bpfdoctor/report/schema.json`.\n"
    definitions = schema()["$defs"]
    first = ["Report", "ErrorReport"]
    for name in first + [each for each in definitions if each not in first]:
        yield from type_section(name, definitions[name])


def type_section(name: str, definition: dict[str, Any]) -> Iterator[str]:
    """One type of the schema."""
    yield f"## {name}\n"
    if definition.get("description"):
        yield inspect.cleandoc(definition["description"]) + "\n"
    if "enum" in definition:
        yield "One of " + ", ".join(map(code, definition["enum"])) + ".\n"
    if "properties" in definition:
        yield "| field | type | |"
        yield "|---|---|---|"
        required = definition.get("required", [])
        for field, value in definition["properties"].items():
            always = "" if field in required else "may be left out"
            yield f"| `{field}` | {shape(value)} | {always} |"
        yield ""


def shape(value: dict[str, Any]) -> str:
    """A field's type in words."""
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(shape(each) for each in value["anyOf"])
    if "enum" in value:
        return ", ".join(code(json.dumps(each)) for each in value["enum"])
    if value.get("type") == "array":
        return "list of " + shape(value.get("items", {}))
    if value.get("type") == "object":
        return "object of " + shape(value.get("additionalProperties", {}))
    return str(value.get("type", "anything"))


def code(text: object) -> str:
    """As code in Markdown."""
    return f"`{text}`"


def stale(wanted: dict[str, str]) -> list[str]:
    """The pages that are not as they would be written."""
    return [
        name
        for name, text in wanted.items()
        if not (HERE / name).exists() or (HERE / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or say which are stale."""
    os.environ["NO_COLOR"] = "1"
    wanted = pages()
    old = stale(wanted)
    if "--check" in arguments:
        if old:
            click.echo(f"stale: {', '.join(old)}; run: make docs", err=True)
        return 1 if old else 0
    HERE.mkdir(exist_ok=True)
    for name in old:
        (HERE / name).write_text(wanted[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
