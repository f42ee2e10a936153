"""What a clang is told and asked before it compiles anything, once a run."""

from __future__ import annotations

import resource
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec

from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.process import ProcessResult
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.inputs import search_list, searched_in_vain
from bpfdoctor.host.tools.source_words import NotMadeError

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

TIME = 10.0
"""Seconds that one compile may take; the largest of bcc's tools takes half of one."""

LIMITS = (
    (resource.RLIMIT_AS, 1 << 30),
    (resource.RLIMIT_FSIZE, 64 << 20),
    (resource.RLIMIT_CORE, 0),
)

WITHOUT = (
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH"),
    *("COMPILER_PATH", "LIBRARY_PATH", "GCC_EXEC_PREFIX", "SDKROOT"),
    *("CCC_OVERRIDE_OPTIONS", "CCC_ADD_ARGS", "QA_OVERRIDE_GCC3_OPTIONS", "RC_DEBUG_OPTIONS"),
    *("CC_PRINT_OPTIONS", "CC_PRINT_OPTIONS_FILE", "CC_PRINT_HEADERS", "CC_PRINT_HEADERS_FILE"),
    *("CC_LOG_DIAGNOSTICS", "CC_LOG_DIAGNOSTICS_FILE", "CC_PRINT_INTERNAL_STAT_FILE"),
    *("CC_PRINT_PROC_STAT", "CC_PRINT_PROC_STAT_FILE", "CC_PRINT_INTERNAL_STAT"),
    *("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "AS_SECURE_LOG_FILE"),
)
"""The variables by which clang takes further options, searches further, or writes files."""

_Key = tuple[str, Credentials | None]
_known: WeakKeyDictionary[Machine, dict[_Key, Clang | NotMadeError]] = WeakKeyDictionary()
_lock = threading.Lock()


class Clang(msgspec.Struct, frozen=True):
    """A clang: `words` that it is always given, and the directories that it searches of itself.

    `host` are those for a program of the host, `target` those for BPF, `absent` those that it
    would search, too.
    """

    words: tuple[str, ...]
    host: tuple[str, ...]
    target: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def system(self) -> tuple[str, ...]:
        """All directories that it searches of itself."""
        return tuple(dict.fromkeys((*self.host, *self.target)))


def clang_of(machine: Machine, compiler: str, identity: Credentials | None) -> Clang:
    """The facts of a compiler, asked as the user who is to run it.

    Raises NotMadeError for one that does not end, and OSError.
    """
    with _lock:
        known = _known.setdefault(machine, {})
        if (compiler, identity) not in known:
            try:
                known[compiler, identity] = _asked(machine, compiler, identity)
            except NotMadeError as error:
                known[compiler, identity] = error
        found = known[compiler, identity]
    if isinstance(found, NotMadeError):
        raise NotMadeError(found.answer)
    return found


def run_clang(
    machine: Machine, argv: Sequence[str], identity: Credentials | None, timeout: float = TIME
) -> ProcessResult:
    """Run it within the limits, and without what would steer it. Raises OSError."""
    return machine.run(
        argv,
        cwd="/",
        timeout=timeout,
        identity=identity,
        extra=machine.temporary(identity),
        without=WITHOUT,
        limits=LIMITS,
    )


def _said(machine: Machine, argv: Sequence[str], identity: Credentials | None) -> ProcessResult:
    ended = run_clang(machine, argv, identity)
    if ended.timed_out:
        raise NotMadeError(NoAnswer("timed-out", f"{argv[0]} -v did not end in {TIME:g} seconds"))
    return ended


def _asked(machine: Machine, compiler: str, identity: Credentials | None) -> Clang:
    search = ("-v", "-E", "-x", "c", "/dev/null")
    words: tuple[str, ...] = ("--no-default-config",)
    host = _said(machine, (compiler, *words, *search), identity)
    if host.exit_code != 0:  # it does not know that yet: clang 14
        words = ()
        host = _said(machine, (compiler, *search), identity)
    target = _said(machine, (compiler, *words, "-target", "bpf", *search), identity)
    logs = [decoded(each.stderr) for each in (host, target)]
    return Clang(
        words,
        tuple(search_list(logs[0])),
        tuple(search_list(logs[1])),
        tuple(path for log in logs for path in searched_in_vain(log)),
    )
