"""Packages before and after a step: what it added, what it should have, who is in the way."""

from __future__ import annotations

import time
from collections.abc import Callable

from bpfdoctor.fix.managers import MANAGERS, Package
from bpfdoctor.fix.managers.locks import AskLock, Holder
from bpfdoctor.fix.plan import Step
from bpfdoctor.host.question import Host


def installed_before(host: Host, step: Step) -> tuple[str, ...] | None:
    """All packages that are installed now; None for a step that changes none."""
    if step.kind not in ("install", "repair", "remove"):
        return None
    found = MANAGERS[step.manager].everything(host)
    return None if found is None else tuple(sorted(found))


def added(host: Host, step: Step, before: tuple[str, ...] | None) -> tuple[str, ...]:
    """The packages that are there now and were not before an installing step."""
    if step.kind != "install" or before is None:
        return ()
    return tuple(sorted(set(installed_before(host, step) or ()) - set(before)))


def missing(host: Host, step: Step) -> tuple[str, ...]:
    """What a step should have brought and is not there: a manager may lie.

    Packages; after a refresh, lists (`apt-get update` exits 0 when it could fetch none).
    """
    if step.kind == "refresh":
        return ("package lists",) if MANAGERS[step.manager].stale(host) else ()
    if step.kind != "install" or not step.packages:
        return ()
    looked = MANAGERS[step.manager].look(host, step.packages)
    return tuple(name for name in step.packages if not _there(host, step, looked[name]))


def _there(host: Host, step: Step, package: Package) -> bool:
    """Installed itself, or by one that provides it."""
    if package.installed or not package.provided_by:
        return bool(package.installed)
    providers = MANAGERS[step.manager].look(host, package.provided_by)
    return any(each.installed for each in providers.values())


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
