"""What is said of a compiled object's programs is held against what libbpf does with each.

None that is called ready may fail to load or attach, none that is called not ready may, and root on
an open machine is told `unknown` only where nothing but running the program could tell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from virtual.circumstances import CIRCUMSTANCES, COMMAND_LINES, Circumstance
from virtual.kernels import PATTERNS
from virtual.objects import contradictions, held
from virtual.payload import objects

USUAL = ("base", "docker", "user-with-capabilities")
"""Circumstances that share a boot; the objects say most where all is open."""


def hold(name: str, circumstances: Sequence[Circumstance], work: Path) -> None:
    """Every wrong word on one kernel, in one failure."""
    wrong = [
        f"{each.name}: {line}"
        for each, found in zip(circumstances, held(name, circumstances, work), strict=True)
        for line in contradictions(found, decided=each.open)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_objects_are_told_truly_on_this_kernel(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("clang", "make", "cc")
    script = Path(__file__).parent / "hold.py"
    argv = [sys.executable, str(script), str(objects(tmp_path))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wrong = list(contradictions(json.loads(done.stdout), decided=True))
    assert not wrong, "\n".join(wrong)


def test_objects_are_told_truly_on_debian_12(work: Path) -> None:
    hold("6.1", [CIRCUMSTANCES["base"]], work)


@pytest.mark.vm
@pytest.mark.parametrize("name", PATTERNS)
def test_objects_are_told_truly(name: str, work: Path) -> None:
    hold(name, [CIRCUMSTANCES[each] for each in USUAL], work)


@pytest.mark.vm
@pytest.mark.parametrize("circumstance", COMMAND_LINES.values(), ids=lambda each: each.name)
@pytest.mark.parametrize("name", PATTERNS)
def test_objects_are_told_truly_on_every_command_line(
    name: str, circumstance: Circumstance, work: Path
) -> None:
    hold(name, [circumstance], work)
