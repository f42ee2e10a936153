"""What a build rests on and make does not look at: tools, header directories, the environment."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from typing import TYPE_CHECKING

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.reading import real_path
from bpfdoctor.host.tools.inputs import search_list

if TYPE_CHECKING:
    from bpfdoctor.host.credentials import Credentials
    from bpfdoctor.host.machine import Machine

_STEERING = re.compile(
    r"(?:HOST)?(?:CC|LD|AR)|CLANG|BPFTOOL|LLVM_\w+|EXTRA_\w+|\w*FLAGS|\w*PATH|ARCH|CROSS_COMPILE"
)
"""Environment variables that change what these makefiles and their tools make."""


def tools_state(
    machine: Machine,
    make: tuple[str, ...],
    variables: tuple[tuple[str, str], ...],
    identity: Credentials | None,
) -> str:
    """A hash of the tools that a build calls, where cc looks for headers, and what steers both."""
    environ = sorted(f"{k}={v}" for k, v in machine.environ.items() if _STEERING.fullmatch(k))
    values = {value for _, value in variables if value}
    tools = _resolved(machine, {*make[:1], "cc", "gcc", "clang", "ld", "ar", "as", *values})
    compiler = dict(variables).get("CC") or machine.environ.get("CC", "cc")
    places = _include_places(machine, compiler.split(), identity)
    states = [f"{path} {_state(path)}" for path in (*tools, *places)]
    text = repr((make, variables, environ, states))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _resolved(machine: Machine, names: set[str]) -> list[str]:
    places = machine.environ.get("PATH", os.defpath)
    found = (shutil.which(name, path=places) for name in sorted(names))
    with contextlib.suppress(OSError):
        return [real_path(path) for path in found if path]
    return [os.urandom(8).hex()]  # like no other: what was built before is no proof


def _include_places(
    machine: Machine, compiler: list[str], identity: Credentials | None
) -> list[str]:
    """The directories that cc searches: a header package that comes or goes changes them."""
    with contextlib.suppress(OSError, ValueError):
        said = machine.run([*compiler, "-E", "-v", "-"], identity=identity, cwd="/")
        return search_list(decoded(said.stderr))
    return []


def _state(path: str) -> str:
    try:
        facts = os.stat(path)
    except OSError:
        return "absent"
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"
