"""Triggers do what they say, and leave nothing."""

from __future__ import annotations

import os
from pathlib import Path

from bpfdoctor.host.machine import Machine
from bpfdoctor.smoke.trigger import Mark


def test_a_file_is_deleted_and_its_name_is_what_the_pattern_looks_for(
    machine: Machine, tmp_path: Path
) -> None:
    mark = Mark(machine, "unlink", "kprobe", tmp_path)
    before = os.listdir("/proc/self/fd")
    mark.pull()
    mark.pull()
    assert list(tmp_path.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == len(before)
    # Linux 5.10 shows 63 bytes of a name: it has to be found without the directory.
    shown = f"filename = {mark.values['file']}"
    assert mark.fill(r"filename = \S*{file}").search(shown)
