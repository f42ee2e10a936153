"""The directory that a run is about: it can be looked at, and is still there at the end.

It is looked at as a check would: within a time limit.
"""

from __future__ import annotations

from collections.abc import Callable

from bpfdoctor.errors import BpfDoctorError, UndeterminedError
from bpfdoctor.host.hosts import FreshHost, LiveHost
from bpfdoctor.host.limited import CHECK_LIMIT, TooLongError, within
from bpfdoctor.host.limits import raise_shortage
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import AskDirectory, LookAt


def refuse_unreadable(live: LiveHost, directory: str) -> None:
    """Say at once that -C leads nowhere; afterwards it would look like "no checkout here"."""
    _in_time(live, directory, _refuse_unreadable)


def refuse_vanished(live: LiveHost, directory: str) -> None:
    """Say that the report is about nothing: whatever was found missing, this is why."""
    _in_time(live, directory, _refuse_vanished)


def _in_time(live: LiveHost, directory: str, refuse: Callable[[LiveHost, str], None]) -> None:
    try:
        within(CHECK_LIMIT, lambda: refuse(live, directory))
    except TooLongError as error:
        raise UndeterminedError(
            f"{_named(directory)} cannot be looked at: {error}", "see what it is mounted from"
        ) from None


def _refuse_unreadable(host: Host, directory: str) -> None:
    seen = host.ask(LookAt(directory))
    if isinstance(seen, NoAnswer):
        raise_shortage(seen.reason)
        if seen.absent and directory == ".":
            raise _gone(directory)
        raise BpfDoctorError(f"cannot look at {directory}: {seen.shown()}", "-C takes a directory")
    if seen.target_kind != "directory":
        raise BpfDoctorError(f"{directory} is not a directory", "-C takes a directory")
    if not seen.readable:
        raise BpfDoctorError(
            f"{directory} cannot be read by this user", f"it belongs to uid {seen.uid}"
        )

    where = host.ask(AskDirectory(directory))
    if not isinstance(where, NoAnswer):
        return
    raise_shortage(where.reason)
    if where.reason == "refused":
        raise BpfDoctorError(
            f"{directory} cannot be judged: {where.detail}", "rename it, or clone it elsewhere"
        )
    if where.absent:  # `.` can be looked at even so
        raise _gone(directory)
    raise BpfDoctorError(f"cannot look at {directory}: {where.shown()}")


def _gone(directory: str) -> BpfDoctorError:
    hint = "change to one that does, or name one with -C"
    return BpfDoctorError(f"{_named(directory)} does not exist any more", hint)


def _named(directory: str) -> str:
    return "the current directory" if directory == "." else directory


def _refuse_vanished(live: LiveHost, directory: str) -> None:
    if FreshHost(live.machine).ask(AskDirectory(directory)) != live.ask(AskDirectory(directory)):
        raise BpfDoctorError(
            f"{_named(directory)} was moved or removed while it was being checked",
            "run the command again when nothing changes it",
        )
