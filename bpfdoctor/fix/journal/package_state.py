"""Packages before and after a step: what it will add, what it added, what is missing."""

from __future__ import annotations

from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.fix.journal.write import Before
from bpfdoctor.fix.managers.base import Package
from bpfdoctor.fix.managers.registry import MANAGERS
from bpfdoctor.fix.plan import Step
from bpfdoctor.host.question import Host


def installed_before(host: Host, step: Step) -> tuple[str, ...] | None:
    """All packages that are installed now; None for a step that changes none."""
    if step.kind not in ("install", "repair", "remove"):
        return None
    return _listed(MANAGERS[step.manager].everything(host))


def leftovers_before(host: Host, step: Step) -> tuple[str, ...]:
    """Packages that were removed and whose settings are here, before an installing step."""
    return () if step.kind != "install" else tuple(sorted(MANAGERS[step.manager].leftovers(host)))


def intended(host: Host, step: Step) -> tuple[str, ...] | None:
    """What the manager says that an installing step will add; None where it would not say."""
    installing = catalogue().managers[step.manager].install if step.kind == "install" else ()
    if not installing or step.argv[: len(installing)] != installing:
        return None
    return _listed(MANAGERS[step.manager].intended(host, step.argv))


def added(host: Host, before: Before) -> tuple[str, ...] | None:
    """The packages that are there now, were not before an installing step, and were to come by it.

    None where the manager would not say.
    """
    if before.step.kind != "install" or before.packages is None:
        return ()
    there = MANAGERS[before.step.manager].everything(host)
    if there is None:
        return None
    since = there - set(before.packages)
    return tuple(sorted(since if before.intended is None else since & set(before.intended)))


def _listed(names: frozenset[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(sorted(names))


def missing(host: Host, step: Step) -> tuple[str, ...]:
    """What a step should have brought and is not there: a manager may lie.

    Packages; after a refresh, lists (`apt-get update` exits 0 when it could fetch none).
    """
    if step.kind == "refresh":
        return ("package lists",) if MANAGERS[step.manager].empty(host) else ()
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
