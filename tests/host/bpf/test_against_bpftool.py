"""Our probes against those of `bpftool feature`, wherever that is conclusive."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.features.program_types import LOADABLE
from bpfdoctor.host.bpf.probes import AskHelper, CreateMap, LoadProgram
from bpfdoctor.host.hosts import LiveHost

pytestmark = pytest.mark.bpf


@pytest.fixture(scope="module")
def features() -> dict[str, Any]:
    """What `bpftool -j feature probe` says of this kernel."""
    ran = subprocess.run(["bpftool", "-j", "feature", "probe"], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_program_types_agree(
    kernel: None, needs: Callable[..., None], request: pytest.FixtureRequest, live: LiveHost
) -> None:
    needs("bpftool")
    theirs = request.getfixturevalue("features")["program_types"]
    for name in LOADABLE:
        ours = live.ask(LoadProgram(name))
        assert isinstance(ours, Attempt)
        known = theirs.get(f"have_{name}_prog_type", ours.worked)  # it may be of an older release
        assert ours.worked is known, name


def test_map_types_agree(
    kernel: None, needs: Callable[..., None], request: pytest.FixtureRequest, live: LiveHost
) -> None:
    needs("bpftool")
    theirs = request.getfixturevalue("features")["map_types"]
    for name, sizes in {
        "array": (4, 8, 1),
        "hash": (4, 8, 1),
        "perf_event_array": (4, 4, 1),
        "ringbuf": (0, 0, 1 << 18),
    }.items():
        ours = live.ask(CreateMap(name, *sizes))
        assert isinstance(ours, Attempt)
        assert ours.worked is theirs[f"have_{name}_map_type"], name


def test_helpers_agree(
    kernel: None, needs: Callable[..., None], request: pytest.FixtureRequest, live: LiveHost
) -> None:
    needs("bpftool")
    theirs = request.getfixturevalue("features")["helpers"]["tracepoint_available_helpers"]
    # Not override_return: older bpftools take the verifier's newer words for a yes.
    for name in ("map_lookup_elem", "perf_event_output", "ringbuf_reserve"):
        ours = live.ask(AskHelper("tracepoint", name))
        assert isinstance(ours, Attempt)
        assert ours.worked is (f"bpf_{name}" in theirs), name
