"""Files of any content, read in a process of its own: what it answers, in which memory and time.

python bounded.py one PATH BTF                  what AskBpfObject answers
python bounded.py many KIND PATH BTF N SEED     N spoilt copies of PATH, as an object or as BTF
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bpfdoctor.host.btf.file import VMLINUX, open_btf
from bpfdoctor.host.btf.format import BtfError
from bpfdoctor.host.btf.kernel_types import described
from bpfdoctor.host.btf.matching import members_of
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.elf.ask_object import AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer

MOST_MEMORY = 200 << 20
"""Bytes that reading any file may take, the interpreter and this kernel's BTF among them."""


class Measured(NamedTuple):
    """What a child said: the answer in words, and its greatest memory in bytes and time in s."""

    said: str
    memory: int
    seconds: float


def measured(path: Path, btf: str = VMLINUX) -> Measured:
    """Read one file as a BPF object."""
    return _child("object", str(path), btf)


def measured_btf(path: Path) -> Measured:
    """Read one file as BTF."""
    return _child("btf", str(path))


def spoilt(kind: str, path: Path, cases: int, seed: int, btf: str = VMLINUX) -> Measured:
    """Read spoilt copies of a file; the child ends with an error at the first that raises."""
    return _child("many", kind, str(path), btf, str(cases), str(seed))


def _child(*arguments: str) -> Measured:
    argv = [sys.executable, "-I", __file__, *arguments]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{argv}: {ended.stderr[-2000:]}"
    return Measured(*json.loads(ended.stdout))


def _btf(path: str) -> str:
    try:
        return f"{len(open_btf(path))} types"
    except BtfError as error:
        return str(error)


def _object(path: str, btf: str) -> str:
    answer = AskBpfObject(path, btf).put(Machine())
    assert isinstance(answer, (BpfObject, NoAnswer))
    return answer.shown()[:500]


def _many(kind: str, path: str, btf: str, cases: str, seed: str) -> str:
    whole, read = Path(path).read_bytes(), {"object": _as_object, "btf": _as_btf}[kind]
    sound = 0
    for case in range(int(cases)):
        data = _changed(whole, random.Random(f"{seed}/{case}"))
        try:
            sound += read(data, btf)
        except BaseException as error:
            raise AssertionError(f"seed {seed}, case {case}") from error
    return f"{sound} of {cases} are sound"


def _changed(whole: bytes, chance: random.Random) -> bytes:
    """A copy with a few bytes changed, numbers as a rule, and sometimes cut."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 6)):
        size = chance.choice((1, 2, 4, 4, 8))
        place = chance.randrange(0, max(len(data) - size, 1))
        value = chance.choice((0, 1, 0xFF, chance.getrandbits(size * 8), chance.randrange(1 << 12)))
        data[place : place + size] = (value % (1 << size * 8)).to_bytes(size, sys.byteorder)
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.1 else data)


SCRATCH = tempfile.NamedTemporaryFile(prefix="spoilt-", dir="/dev/shm")  # noqa: SIM115


def _as_object(data: bytes, btf: str) -> bool:
    SCRATCH.seek(0)
    SCRATCH.truncate()
    SCRATCH.write(data)
    SCRATCH.flush()
    answer = AskBpfObject(SCRATCH.name, btf).put(Machine())
    assert isinstance(answer, (BpfObject, NoAnswer))
    return isinstance(answer, BpfObject)


def _as_btf(data: bytes, _: str) -> bool:
    try:
        found = Btf(data)
    except BtfError:
        return False
    for type_id in range(len(found) + 2):
        found.parameters(type_id)
        described(found, type_id)
        members_of(found, type_id)
        list(found.enumerators(type_id))
    return True


def _memory() -> int:
    """The most that this process ever had, in bytes; getrusage counts its parent's as well."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) << 10


if __name__ == "__main__":
    modes: dict[str, Callable[..., Any]] = {"object": _object, "btf": _btf, "many": _many}
    start = time.process_time()
    said = modes[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(json.dumps([said, _memory(), time.process_time() - start]))
