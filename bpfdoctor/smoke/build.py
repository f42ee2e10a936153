"""The question that builds a program by its project's own makefile, outside the checkout."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.grant import Grant, grant_of
from bpfdoctor.host.limits import FULL, shortage, shortage_behind, shortage_said
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import NotRegularError, read_regular, real_path
from bpfdoctor.host.removal import remove_tree
from bpfdoctor.host.tools.commands import signal_name
from bpfdoctor.smoke.build_cache import OversizedError, alone, build_place, keep
from bpfdoctor.smoke.build_fingerprint import tools_state
from bpfdoctor.smoke.links import BuildLayout, fingerprint, link

if TYPE_CHECKING:
    from bpfdoctor.host.credentials import Credentials
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.process import ProcessResult

LOG_HEAD, LOG_TAIL = 8_192, 57_344
"""Bytes of make's output that are kept, of its beginning and of its end."""

_STEP = re.compile(r" {2,}([A-Z][A-Z-]*) +(\S.*)")
"""make's own short line: `  LIB      libbpf.a`."""


class Built(Answer, frozen=True):
    """How a build ended.

    `status` is make's exit status, None when it was ended by `signal` or by the time limit. `log`
    is all that it said (`truncated`: its beginning and its end). `binary` is a copy of the built
    program that no later build changes, empty without one; `sha256` its hash. `place` is the
    directory of links in which make ran.
    """

    status: int | None
    log: str
    binary: str = ""
    sha256: str = ""
    signal: str = ""
    timed_out: bool = False
    truncated: bool = False
    place: str = ""

    @property
    def ok(self) -> bool:
        """make said yes, and the program is really there."""
        return self.status == 0 and bool(self.binary)

    def grants(self) -> tuple[Grant, ...]:
        return (grant_of("RunProgram", (self.binary, self.sha256)),) if self.ok else ()

    def shown(self) -> str:
        if self.ok:
            where = f"built in {self.place}\n" if self.place else ""
            return f"{where}sha256 of the program: {self.sha256}"
        return f"{self.log.rstrip()}\n({self.ending})".lstrip("\n")

    @property
    def ending(self) -> str:
        """How make ended, in words."""
        if self.timed_out:
            return "no end within the time limit"
        if self.signal:
            return f"killed by {self.signal}"
        missing = "" if self.status else ", but there is no program"
        return f"make: exit status {self.status}{missing}"

    def cut(self) -> bool:
        return self.truncated and not self.ok


class BuildProgram(Question[Built], frozen=True):
    """Build `program` of `checkout`, whose makefile is in `directory` below it.

    make runs in a directory of links to the checkout, in the user's cache, where it keeps what it
    built from run to run; the checkout stays as it is. The program's own steps are made anew
    every time, all of them when something else has changed that make does not look at. As root on
    another user's checkout, everything is done as that user. `made` are paths in the checkout
    that a build makes, `variables` make's variables, `without` those of the environment that it
    does not get, `limit` is in seconds.
    """

    checkout: str
    directory: str
    program: str
    made: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    make: tuple[str, ...] = ("make",)
    limit: float = 900
    without: tuple[str, ...] = ()
    builds = True
    asks = "tree"

    def put(self, machine: Machine) -> Built | NoAnswer:
        try:
            checkout = Path(real_path(self.checkout, strict=True))
            identity = owner_to_become(self.checkout)
            place = build_place(machine, checkout, identity)
            with alone(place, self.limit, identity, machine.progress) as lock:
                if lock is None:
                    return NoAnswer("timed-out", "another build of this checkout does not end")
                return _Building(machine, self, checkout, place, identity).made(lock)
        except OSError as error:
            return NoAnswer.from_error(error)
        except OversizedError as error:
            return NoAnswer("too-large", str(error))
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))

    @property
    def words(self) -> tuple[str, ...]:
        """make's arguments: the program, and the variables."""
        return (self.program, *(f"{name}={value}" for name, value in self.variables))

    def command(self) -> str:
        directory = f"{self.checkout}/{self.directory}"
        unset = [word for name in self.without for word in ("-u", name)]
        env = ["env", *unset] if unset else []
        return shlex.join((*env, *self.make, "-C", directory, *self.words))


class _Building:
    """One build, while nobody else builds in its place."""

    def __init__(
        self,
        machine: Machine,
        question: BuildProgram,
        checkout: Path,
        place: Path,
        identity: Credentials | None,
    ) -> None:
        self.machine, self.question, self.identity = machine, question, identity
        self.checkout, self.place = checkout, place
        self.layout = BuildLayout(question.directory, frozenset(question.made))
        self.directory = place / question.directory
        self.stamp = place / ".built-from"

    def made(self, lock: int) -> Built | NoAnswer:
        made_from = self._made_from()
        with acting_as(self.identity):
            self.place.mkdir(mode=0o700, exist_ok=True)
            link(self.checkout, self.place, self.layout)
            self._clear(made_from)
        ended = self._make(lock)
        if ended.exit_code is not None:  # it ended by itself: what is there is whole
            with acting_as(self.identity):
                self.stamp.write_text(made_from)
        said = shortage_said(ended.stdout + ended.stderr) if ended.exit_code else ""
        short = said or shortage_behind(ended.signal)
        if short in FULL:  # what was written so far must not be left there
            remove_tree(self.place, self.identity)
        return NoAnswer.for_want(shortage(short)) if short else self._answer(ended)

    def _clear(self, made_from: str) -> None:
        """Remove what must be made anew: all of it, or the program's own steps."""
        kept = read_regular(str(self.stamp), 1 << 10) if self.stamp.is_file() else b""
        for name in self.question.outputs:
            if kept.decode(errors="replace") != made_from:
                remove_tree(self.directory / name, self.identity)
            elif (self.directory / name).is_dir() and not (self.directory / name).is_symlink():
                for path in (self.directory / name).glob(f"{self.question.program}.*"):
                    path.unlink()
        (self.directory / self.question.program).unlink(missing_ok=True)
        self.stamp.unlink(missing_ok=True)

    def _made_from(self) -> str:
        """What a build rests on beside the program's own sources."""
        with acting_as(self.identity):
            sources = fingerprint(self.checkout, self.layout)
        asked = self.question
        given = (*asked.variables, *((name, "") for name in asked.without))
        return tools_state(self.machine, asked.make, given, self.identity) + sources

    def _make(self, lock: int) -> ProcessResult:
        cpus = len(os.sched_getaffinity(0))
        return self.machine.run(
            [*self.question.make, f"-j{cpus}", *self.question.words],
            cwd=self.directory,
            timeout=self.question.limit,
            identity=self.identity,
            extra=self.machine.temporary(self.identity),
            without=self.question.without,
            on_line=self._tell,
            held=(lock,),
        )

    def _tell(self, line: str) -> None:
        step = _STEP.fullmatch(line.rstrip())
        if step:
            self.machine.progress(f"{step[1]} {os.path.basename(step[2])}")

    def _answer(self, ended: ProcessResult) -> Built:
        log, truncated = _capped(ended.stdout + ended.stderr)
        built = Built(
            status=ended.exit_code,
            log=self.machine.hidden(log),
            signal=signal_name(ended.signal),
            timed_out=ended.timed_out,
            truncated=truncated or ended.truncated,
            place=str(self.place),
        )
        if ended.exit_code != 0:
            return built
        try:
            kept, digest = keep(self.machine, self.directory / self.question.program)
        except (NotRegularError, FileNotFoundError, NotADirectoryError):
            return built
        return msgspec.structs.replace(built, binary=str(kept), sha256=digest)


def _capped(log: bytes) -> tuple[str, bool]:
    if len(log) <= LOG_HEAD + LOG_TAIL:
        return decoded(log), False
    left_out = len(log) - LOG_HEAD - LOG_TAIL
    middle = f"\n[... {left_out} bytes left out ...]\n".encode()
    return decoded(log[:LOG_HEAD] + middle + log[-LOG_TAIL:]), True
