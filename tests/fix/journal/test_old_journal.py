"""A journal that an earlier version wrote is still read, and still taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bpfdoctor.fix.journal.read import read_run
from bpfdoctor.fix.journal.undo_plan import undo_plan
from bpfdoctor.fix.journal.undo_state import digest_of
from bpfdoctor.host.hosts import FreshHost
from bpfdoctor.host.machine import Machine

STEP: dict[str, Any] = {
    "id": "run:cat",
    "kind": "run",
    "title": "write $PLACE/a.h",
    "argv": ["cat", "/dev/null"],
    "why": ["artefacts.vmlinux"],
    "privileged": False,
    "environment": {},
    "cwd": "",
    "output": "$PLACE/a.h",
    "owner_of": "$PLACE",
    "manager": "",
    "packages": [],
    "undo": ["rm", "--", "$PLACE/a.h"],
    "undo_text": "",
    "after": [],
    "manual": False,
    "notes": [],
}
TOUCH = {
    **STEP,
    "id": "run:touch",
    "argv": ["touch", "$PLACE/b"],
    "output": "",
    "undo": ["rm", "$PLACE/b"],
}
START: dict[str, Any] = {
    "at": "2026-11-01T10:00:01Z",
    "packages": None,
    "leftovers": [],
    "intended": None,
}
END: dict[str, Any] = {
    "result": "done",
    "exit_code": 0,
    "seconds": 0.1,
    "output": "",
    "reason": "",
    "mount": "",
}
PLAN = {"steps": [STEP, TOUCH], "manual": [{"why": ["x"], "text": "by hand"}], "schema": 1}
LINES = (
    {
        "event": "run",
        "run": "20261101T100000-000001",
        "started": "2026-11-01T10:00:00Z",
        "plan": PLAN,
        "boot": "b",
    },
    {"event": "start", "step": STEP, "argv": ["cat", "/dev/null"], "fresh": True, **START},
    {"event": "end", "step": "run:cat", "added": [], "digest": "$DIGEST", **END},
    {"event": "start", "step": TOUCH, "argv": ["touch", "$PLACE/b"], "fresh": False, **START},
    {"event": "end", "step": "run:touch", "added": [], "digest": "", **END},
    {"event": "undone", "index": 1, "argv": ["rm"], "result": "failed", "output": "no"},
    {"event": "finished", "exit": 0},
)
"""What version 0.1.0 wrote, before its modules lay in rooms."""


def test_a_journal_of_before_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "a.h").touch()
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    text = text.replace("$PLACE", str(tmp_path)).replace("$DIGEST", digest_of(f"{tmp_path}/a.h"))
    (tmp_path / "20261101T100000-000001.jsonl").write_text(text)
    run = read_run(tmp_path / "20261101T100000-000001.jsonl")
    assert (run.unread, run.started, run.boot) == ((), "2026-11-01T10:00:00Z", "b")
    plan = undo_plan(run, FreshHost(Machine()))
    assert [step.argv for step in plan.steps] == [
        ("rm", f"{tmp_path}/b"),
        ("rm", "--", f"{tmp_path}/a.h"),
    ]
    assert plan.manual == ()
