"""Answers that were read off a few files, remembered while these are as they were."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bpfdoctor.host.cache import keep, recall
from bpfdoctor.host.question import NoAnswer

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.question import A, Question


def remembered(
    machine: Machine,
    question: Question[A],
    kind: type[A],
    files: Sequence[str],
    read: Callable[[], A | NoAnswer],
) -> A | NoAnswer:
    """The answer that `files`, and nothing else, decide: the one kept, or what `read` finds.

    Where there is no answer, that is found anew each time.
    """
    if not files:
        return read()
    known = recall(machine, question, kind, files[0])
    if known is not None:
        return known
    since = time.time_ns()
    found = read()
    if isinstance(found, kind):
        with contextlib.suppress(ValueError):  # a name that is not UTF-8
            keep(machine, question, found, tool=files[0], rests_on=files, since=since)
    return found
