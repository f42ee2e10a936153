"""A snapshot that was written before classes had other names gives the same report, byte for byte.

`snapshots/NAME` holds what commit ea7fc70 recorded of compiled objects and of a run with its smoke,
and what it said of them; `digests.json` is of its JSON, those of `hosts` included. Where a report
changes on purpose, BPFDOCTOR_GOLDEN=write writes them anew: read the diff.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PLACE = Path(__file__).parent / "snapshots"
DIGESTS: dict[str, str] = json.loads((PLACE / "digests.json").read_text())
KEPT = sorted(path.parent.name for path in PLACE.glob("*/snapshot.json"))
WRITE = os.environ.get("BPFDOCTOR_GOLDEN") == "write"


def snapshot(name: str) -> str:
    kept = PLACE / name / "snapshot.json"
    return str(kept if kept.exists() else PLACE.parent / "hosts" / f"{name}.json")


def said(*arguments: str) -> str:
    command = (sys.executable, "-m", "bpfdoctor", *arguments)
    environ = {**os.environ, "NO_COLOR": "1"}
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=PLACE, env=environ, timeout=120
    )
    assert ended.returncode in (0, 1, 3), ended.stderr
    return ended.stdout


def same(file: Path, text: str) -> None:
    if WRITE:
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("name", KEPT)
def test_the_text_says_what_it_said(name: str) -> None:
    same(PLACE / name / "report.txt", said("check", "--from", snapshot(name)))
    same(PLACE / name / "programs.txt", said("programs", "--from", snapshot(name)))


@pytest.mark.parametrize("name", DIGESTS)
def test_the_json_says_what_it_said(name: str) -> None:
    text = said("check", "--json", "--from", snapshot(name))
    steady = re.sub(r'^  "(started|seconds)": .*\n', "", text, flags=re.MULTILINE)
    digest = hashlib.sha256(steady.encode()).hexdigest()
    if WRITE:
        DIGESTS[name] = digest
        (PLACE / "digests.json").write_text(json.dumps(DIGESTS, indent=1) + "\n")
    assert digest == DIGESTS[name]


def test_every_kind_that_has_another_name_now_is_in_one_of_them() -> None:
    text = "".join((PLACE / name / "snapshot.json").read_text() for name in KEPT)
    asked = set(re.findall(r'"(?:ask|answer)": "(\w+)"', text))
    assert {"TryCalls", "Built"} <= asked
    assert {"guarded", "sought", "spared"} <= set(re.findall(r'"(\w+)":', text))
