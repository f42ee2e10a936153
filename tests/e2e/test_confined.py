"""Root that is confined, for real: each program is judged by what is refused to it alone."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filtered import refuse

from bpfdoctor.host.bpf.calls import MAP_CREATE, PROG_LOAD
from bpfdoctor.host.syscalls import numbers

PROGRAMS = [
    sys.executable, "-I", "-m", "bpfdoctor",
    "programs", "--json", "--no-cache", "--project", "libbpf-bootstrap",
]  # fmt: skip
TRACING = ("minimal", "bootstrap", "uprobe", "profile")

pytestmark = pytest.mark.bpf

Stages = dict[str, dict[str, Any]]


def judged(
    place: Path, *wrapper: str, before: Callable[[], None] | None = None
) -> dict[str, Stages]:
    """The stages of each program, as they are predicted outside of any checkout."""
    ran = subprocess.run(
        [*wrapper, *PROGRAMS], cwd=place, capture_output=True, preexec_fn=before, check=False
    )
    assert ran.stdout, ran.stderr.decode()
    return {each["name"]: each["stages"] for each in json.loads(ran.stdout)["programs"]}


def test_a_socket_filter_needs_no_privilege_for_tracing(
    kernel: None, needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("setpriv")
    kept = "-all,+bpf,+net_raw,+dac_override"
    found = judged(tmp_path, "setpriv", f"--bounding-set={kept}", "--inh-caps=-all")
    assert {each["readiness"] for each in list(found["sockfilter"].values())[1:]} == {"ready"}
    for name in TRACING:
        assert found[name]["load"]["readiness"] == "not-ready"
        assert found[name]["load"]["because"] == ["runtime.privileges"]


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOTTY, 524])
def test_where_nothing_loads_all_have_one_reason(kernel: None, tmp_path: Path, error: int) -> None:
    found = judged(tmp_path, before=partial(refuse, numbers().bpf, error, PROG_LOAD))
    for name in ("sockfilter", "minimal_legacy", "task_iter", *TRACING):
        assert found[name]["load"]["readiness"] == "not-ready"
        assert found[name]["load"]["because"] == ["kernel.program-types[socket_filter]"]


def test_where_no_map_can_be_made_all_have_one_reason(kernel: None, tmp_path: Path) -> None:
    found = judged(tmp_path, before=partial(refuse, numbers().bpf, errno.ENOTTY, MAP_CREATE))
    for name in ("sockfilter", "minimal_legacy", *TRACING):
        assert found[name]["load"]["because"] == ["kernel.maps"]


def test_where_no_event_opens_nothing_attaches_to_one(kernel: None, tmp_path: Path) -> None:
    hidden = partial(refuse, numbers().perf_event_open, errno.ENOSYS)
    found = judged(tmp_path, before=hidden)
    for name in ("minimal", "bootstrap", "uprobe"):
        assert found[name]["load"]["readiness"] == "ready"
        assert found[name]["attach"]["because"] == ["runtime.event-privileges"]
    assert found["sockfilter"]["attach"]["readiness"] == "ready"
