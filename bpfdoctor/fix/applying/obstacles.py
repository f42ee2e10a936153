"""What keeps a step from being begun: a lock that another holds, a removal that is refused."""

from __future__ import annotations

import time
from collections.abc import Callable

from bpfdoctor.fix.managers.locks import AskLock, Holder
from bpfdoctor.fix.managers.registry import MANAGERS
from bpfdoctor.fix.plan import Step
from bpfdoctor.host.question import Host


def refused(host: Host, step: Step) -> str:
    """Why the manager would refuse a removal, where that would leave traces."""
    if step.kind != "remove":
        return ""
    return MANAGERS[step.manager].against(host, step.argv, step.packages)


def wait_for_lock(host: Host, step: Step, limit: float, say: Callable[[str], object]) -> str:
    """Wait, at most `limit` seconds, for whoever holds the manager's lock, saying who it is.

    Empty once the lock is free; else why the step cannot run.
    """
    if step.manager not in MANAGERS:
        return ""
    question = AskLock(MANAGERS[step.manager].lock_files)
    deadline, told = time.monotonic() + limit, ""
    while True:
        holder = host.ask(question)
        if not isinstance(holder, Holder) or holder.pid == 0:
            return ""
        if time.monotonic() >= deadline or holder.stale:
            return f"{step.manager} is locked by {holder.shown()}"
        if holder.shown() != told:
            told = holder.shown()
            say(f"waiting for {told}")
        time.sleep(0.2)
