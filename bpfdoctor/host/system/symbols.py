"""The question which functions the running kernel has, by its own table of symbols."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.booted import keep_fact, recall_fact

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

KALLSYMS = "/proc/kallsyms"
SIZE_LIMIT = 64 << 20
"""Bytes read at most; kernels with every option have about 15,000,000."""


class Symbols(Answer, frozen=True):
    """The first of the names asked for that is a function of the kernel or of a loaded module.

    `count`: how many functions have that name.
    """

    present: tuple[str, ...]
    count: int = 1

    def shown(self) -> str:
        often = f" ({self.count} of this name)" if self.count > 1 else ""
        return "\n".join(self.present) + often if self.present else "(none of them)"


class AskData(Question[Symbols], frozen=True):
    """Which is the first of these names in the kernel's table, whatever it stands for.

    That of variables is there with CONFIG_KALLSYMS_ALL alone.
    """

    names: tuple[str, ...]
    asks = "kernel"

    def put(self, machine: Machine) -> Symbols | NoAnswer:
        try:
            if not _readable():
                return NoAnswer("broken", f"{KALLSYMS} is empty")
            table = _table()
        except OSError as error:
            return NoAnswer.from_error(error)
        found = [name for name in self.names if any(symbols(table, name))]
        return Symbols(tuple(found[:1]))

    def command(self) -> str:
        return f"grep -wE '{'|'.join(self.names)}' {KALLSYMS}"


class AskSymbols(Question[Symbols], frozen=True):
    """Which is the first of these names that the kernel knows: what a kprobe can be put on.

    That the first of all is a function of the kernel itself holds until the next boot, and is
    remembered; one of a module, or one that comes later, is looked up anew. Anyone may read the
    names; `kptr_restrict` hides the addresses only.
    """

    names: tuple[str, ...]
    asks = "kernel"

    def put(self, machine: Machine) -> Symbols | NoAnswer:
        try:
            if not _readable():
                return NoAnswer("broken", f"{KALLSYMS} is empty")
            return recall_fact(machine, self, Symbols, KALLSYMS, b"") or self._look(machine)
        except OSError as error:
            return NoAnswer.from_error(error)

    def _look(self, machine: Machine) -> Symbols:
        table = _table()
        found = next((name for name in self.names if has_function(table, name)), None)
        count = len(list(functions(table, found))) if found else 1
        answer = Symbols((found,) if found else (), count)
        if found == self.names[0] and has_function(table, found, modules=False):
            keep_fact(machine, self, answer, KALLSYMS, b"")
        return answer

    def command(self) -> str:
        return f"grep -wE '{'|'.join(self.names)}' {KALLSYMS}"


def has_function(table: bytes, name: str, *, modules: bool = True) -> bool:
    """Whether the table has a function of exactly this name."""
    return any(functions(table, name, modules=modules))


def functions(table: bytes, name: str, *, modules: bool = True) -> Iterator[int]:
    """Where in the table the functions (`t`, `T`, `w`, `W`) of exactly this name are.

    Without `modules`, only those of the kernel itself.
    """
    for at in symbols(table, name, modules=modules):
        if table[at - 1 : at] in (b"t", b"T", b"w", b"W"):
            yield at


def symbols(table: bytes, name: str, *, modules: bool = True) -> Iterator[int]:
    """Where in the table the names that are exactly this one are."""
    wanted = f" {name}".encode()
    at = table.find(wanted)
    while at > 0:
        after = at + len(wanted)
        if table[after : after + 1] in ((b"\n", b"\t", b"") if modules else (b"\n", b"")):
            yield at
        at = table.find(wanted, at + 1)


_read: list[bytes] = []
_reading = threading.Lock()


def _readable() -> bool:
    """Whether the table can be opened and says anything. Raises OSError."""
    with open(KALLSYMS, "rb", buffering=0) as file:
        return bool(file.read(1))


def _table() -> bytes:
    """The table, read once; loading a module during a run is not seen."""
    with _reading:
        if not _read:
            with open(KALLSYMS, "rb") as file:
                _read.append(file.read(SIZE_LIMIT))
        return _read[0]
