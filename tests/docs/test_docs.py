from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bpfdoctor.api import Check, Context, FileText, NoAnswer, ReadFile, Status
from bpfdoctor.testing import FakeHost, project_named

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def test_the_reference_is_that_of_the_code() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "docs/generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_site() -> None:
    known = (ROOT / "mkdocs.yml").read_text()
    pages = [str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md")]
    assert [page for page in pages if page not in known] == []


def example() -> Check:
    """The check that the how-to writes, as a reader would have it."""
    text = (ROOT / "docs/how-to/write-a-check.md").read_text(encoding="utf-8")
    first = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert first is not None
    module: dict[str, object] = {}
    exec(first[1], module)
    (found,) = [value for value in module.values() if isinstance(value, Check)]
    return found


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (FileText("1\n"), Status.PASS),
        (FileText("0\n"), Status.WARN),
        (NoAnswer("EACCES"), Status.UNKNOWN),
    ],
)
def test_the_example_of_the_how_to_works(answer: FileText | NoAnswer, status: Status) -> None:
    host = FakeHost({ReadFile("/proc/sys/net/core/bpf_jit_enable"): answer})
    finding = example().run(Context(host, project_named()))
    assert getattr(finding, "status", None) is status
