"""Predictions are held against what programs really do, on Debian's kernels, in many circumstances.

No program that is called ready may fail to run, none that is called not ready may run, and root on
an open machine is never told `unknown`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from virtual.agreement import disagreements, table
from virtual.circumstances import CIRCUMSTANCES, COMMAND_LINES, FIRING, Circumstance
from virtual.examination import Examined, examine
from virtual.kernels import PATTERNS
from virtual.recording import record

RECORD = os.environ.get("BPFDOCTOR_RECORD_HOSTS", "")
"""Where to keep what was examined, as a recorded machine each; see `tests/hosts/`."""

AT_ONCE = 4
"""Circumstances that share a boot in the matrix."""

USUAL = ("base", "no-tracefs", "user")
"""Those that are tried on one kernel whenever the tests run."""

NAMES = tuple(CIRCUMSTANCES)
GROUPS = [NAMES[first : first + AT_ONCE] for first in range(0, len(NAMES), AT_ONCE)]


def hold(name: str, circumstances: Sequence[Circumstance], work: Path) -> list[Examined]:
    """Examine a kernel; every wrong prediction in one failure."""
    examined = list(examine(name, circumstances, work))
    for each in examined if RECORD else ():
        record(each, Path(RECORD))
    wrong = [
        f"{each.name}: {line}"
        for each in examined
        for line in disagreements(each.programs, each.seen, decided=each.circumstance.open)
    ]
    tables = "\n".join(f"{each.name}\n{table(each.programs, each.seen)}" for each in examined)
    wrong += [
        f"{each.name}: {key}: {found['summary']}"
        for each in examined
        for key, found in each.findings.items()
        if found["status"] == "error"
    ]
    assert not wrong, "\n".join((*wrong, tables))
    for each in examined:
        assert each.seen, f"{each.name}: no program was run"
        assert each.features is None or each.features.contradictions() == []
    return examined


def smoke(examined: Examined) -> str:
    """What bpfdoctor's own program came to."""
    return str(examined.findings["smoke.kernel"]["status"])


def test_predictions_hold_on_debian_12(work: Path) -> None:
    usual = [CIRCUMSTANCES[name] for name in USUAL]
    base, no_tracefs, user = hold("6.1", usual, work)
    assert smoke(base) == "pass", base.findings["smoke.kernel"]["summary"]
    assert no_tracefs.findings["runtime.tracefs"]["status"] == "fail"
    assert user.findings["runtime.privileges"]["status"] == "unknown"


@pytest.mark.vm
@pytest.mark.parametrize("names", GROUPS, ids="+".join)
@pytest.mark.parametrize("name", PATTERNS)
def test_predictions_hold_in_every_circumstance(
    name: str, names: tuple[str, ...], work: Path
) -> None:
    hold(name, [CIRCUMSTANCES[each] for each in names], work)


@pytest.mark.vm
@pytest.mark.parametrize("circumstance", COMMAND_LINES.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("name", PATTERNS)
def test_predictions_hold_on_every_command_line(
    name: str, circumstance: Circumstance, work: Path
) -> None:
    hold(name, [circumstance], work)


@pytest.mark.vm
@pytest.mark.parametrize("circumstance", FIRING.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("name", PATTERNS)
def test_predictions_hold_where_what_is_attached_stays_silent(
    name: str, circumstance: Circumstance, work: Path
) -> None:
    hold(name, [circumstance], work)
