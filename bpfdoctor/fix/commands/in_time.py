"""Making a plan asks git and package managers: within a time limit, as a check does."""

from __future__ import annotations

from collections.abc import Callable

from bpfdoctor.errors import UndeterminedError
from bpfdoctor.fix.plan import Plan
from bpfdoctor.host.limited import TooLongError, within
from bpfdoctor.host.limited_hosts import Followed
from bpfdoctor.host.question import Host

LIMIT = 300.0
"""Seconds for a plan: a package manager takes a minute to be asked, and is asked several times."""


def planned_in_time(host: Host, make: Callable[[Host], Plan], limit: float = LIMIT) -> Plan:
    """The plan that `make` makes of what the host says. Raises UndeterminedError after `limit`."""
    followed = Followed(host)
    try:
        return within(limit, lambda: make(followed))
    except TooLongError as error:
        why = f"what there is to do could not be found out: {error}; {followed.place()}"
        raise UndeterminedError(why, "nothing was done") from None
