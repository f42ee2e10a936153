"""Run an examination for a command: the host that is asked, the progress shown, what is written."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bpfdoctor.cli.directory import refuse_unreadable, refuse_vanished
from bpfdoctor.cli.files import refuse_unwritable
from bpfdoctor.cli.parameters import Given
from bpfdoctor.cli.progress import Watcher, watching
from bpfdoctor.cli.terminal import say
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.session import examine
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.deadly_filter import refuse_deadly_filter
from bpfdoctor.host.headroom import refuse_too_little
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.limited import within
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Host
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.root_path import changeable_by_others
from bpfdoctor.model import Report, Subject
from bpfdoctor.projects.reader import kinds
from bpfdoctor.typed import from_plain

if TYPE_CHECKING:
    from bpfdoctor.host.elevated import ElevatedHost
    from bpfdoctor.host.record import RecordingHost, Snapshot


class Examined(NamedTuple):
    """A report, and what hides the names of persons and places in a copy that is written.

    `unwritten` says why there is no snapshot although one was asked for: the report is still there.
    """

    report: Report
    redactor: Redactor
    unwritten: BpfDoctorError | None = None


def examined(
    given: Given,
    *,
    record: str = "",
    everything: bool = False,
    every_program: bool = False,
    table: bool = False,
) -> Examined:
    """One run, on this machine or on a recorded one; its snapshot goes to the file `record`.

    Raises BpfDoctorError for options that make no sense together or here.
    """
    if given.snapshot:
        return _examined_offline(given, record, table=table)
    options = msgspec.structs.replace(
        given.options(), everything=everything, every_program=every_program, table=table
    )
    with watching(sys.stderr) as watcher, live_host(given, watcher) as live:
        refuse_unreadable(live, given.directory or ".")
        if record:
            refuse_unwritable(record)
        host = _recording(live) if record else None
        report = examine(host or live, options, watcher)
        if host is not None and everything:
            _ask_for_the_others(host, report, options, watcher)
        refuse_vanished(live, given.directory or ".")
        redactor = Redactor.of(live.machine, report.project.path, *_places(given), record)
        unwritten = None
        try:
            if host is not None:
                _write(snapshot_of(report, options, host), record, redactor)
        except BpfDoctorError as error:
            unwritten = error
    return Examined(report, redactor, unwritten)


def _recording(live: Host) -> RecordingHost:
    from bpfdoctor.host.record import RecordingHost  # costs start-up time

    return RecordingHost(live)


def _places(given: Given) -> tuple[str, ...]:
    """The paths that the user named."""
    from bpfdoctor.engine.object_file import loader_places

    objects = [each.path for each in given.objects]
    beside = (source for path in objects for source in loader_places(path))
    return (given.directory or ".", *objects, *beside)


def _write(snapshot: Snapshot, file: str, redactor: Redactor) -> None:
    """Write it whole or not at all: a signal interrupts the thread that waits, not that at work."""
    within(None, lambda: snapshot.write(Path(file), redactor))


def _ask_for_the_others(
    host: RecordingHost, report: Report, options: Options, watcher: Watcher
) -> None:
    """Outside any project, record what the programs of each would need."""
    if report.verdict.subject is Subject.MACHINE:
        for name, kind in kinds().items():
            if kind.build is not None:
                asked = msgspec.structs.replace(options, project=name, smoke=False)
                examine(host, asked, watcher)


def snapshot_of(report: Report, options: Options, host: RecordingHost) -> Snapshot:
    """The snapshot of the run that made `report`."""
    import platform

    from bpfdoctor.host.record import Snapshot

    return Snapshot(
        tool=report.tool,
        python=platform.python_version(),
        started=report.started,
        seconds=report.seconds,
        options=msgspec.to_builtins(options),
        answers=host.answers,
    )


@contextlib.contextmanager
def live_host(given: Given, watcher: Watcher) -> Iterator[LiveHost]:
    """This machine; what it made is removed at the end."""
    from bpfdoctor.host.cache import default_cache

    refuse_too_little()
    refuse_deadly_filter()
    warn_of_root_path()
    machine = Machine(progress=watcher.detail)
    if given.cache:
        machine.cache = within(None, lambda: default_cache(machine.environ))
    smoke = given.smoke and not given.objects  # of an object nothing is run
    host = LiveHost(machine, _elevated(machine, watcher, smoke) if given.sudo else None)
    try:
        yield host
    finally:
        host.close()


_warned: set[str] = set()


def warn_of_root_path() -> None:
    """Say once whose commands root runs here: under `sudo -E` or `su` the PATH is the user's."""
    for place, who in changeable_by_others(os.environ).items():
        if place not in _warned:
            _warned.add(place)
            what = f"root's PATH has {place!r}, where {who} may put commands: they are run as root"
            say(f"bpfdoctor: {what}")


def _elevated(machine: Machine, watcher: Watcher, smoke: bool) -> ElevatedHost | None:
    """Root, asked for once; nobody needs to ask who is root already.

    With a smoke test root may run what is built, and our own instructions in the kernel.
    """
    if os.geteuid() == 0:
        return None
    from bpfdoctor.host.elevated import start_elevated
    from bpfdoctor.host.warrant import Warrant

    with watcher.paused():  # sudo may prompt on the terminal
        elevated = start_elevated(machine, Warrant(smoke))
    if smoke:
        from bpfdoctor.smoke.kernel import kernel_grant

        elevated.grant(kernel_grant())
    return elevated


def _examined_offline(given: Given, record: str, *, table: bool) -> Examined:
    if record or given.sudo or given.directory:
        raise BpfDoctorError(
            "--from judges another machine: --record, --sudo and -C ask this one",
            "leave them out, or leave --from out",
        )
    from bpfdoctor.host.record import NEUTRAL, RecordedHost, read_snapshot

    snapshot = within(None, lambda: read_snapshot(Path(given.snapshot)))
    there = RecordedHost(snapshot)
    with watching(sys.stderr) as watcher:
        if given.objects:
            return _objects_there(there, given, watcher)
        options = _options_of(snapshot, given, table=table)
        return Examined(examine(there, options, watcher), NEUTRAL)


def _objects_there(there: Host, given: Given, watcher: Watcher) -> Examined:
    """Objects that are here on the recorded machine; what the recorded run was about, is not."""
    from bpfdoctor.host.routed import Routed

    with live_host(given, watcher) as live:
        paths = [each.path for each in given.objects]
        host = Routed(tree=live, kernel=there, machine=there, files=paths)
        return Examined(
            examine(host, given.options(), watcher), Redactor.of(live.machine, "", *_places(given))
        )


def _options_of(snapshot: Snapshot, given: Given, *, table: bool) -> Options:
    """What the recorded run was about, but for what is asked for now.

    Every program has its row where that is asked for, or where all were asked about there.
    """
    try:
        options = from_plain(snapshot.options, Options)
    except msgspec.ValidationError as error:
        raise BpfDoctorError(f"{given.snapshot} is not a snapshot: {error}") from None
    asked, default = given.options(), Options()
    changed = {
        name: getattr(asked, name)
        for name in ("project", "targets", "only", "skip", "smoke", "object", "proof")
        if getattr(asked, name) != getattr(default, name)
    }
    if options.objects:  # what is named now is theirs, unless it is of a project
        changed |= {"objects": ()} if given.project else {"targets": ()}
        changed |= {"within": given.targets} if given.targets and not given.project else {}
    return msgspec.structs.replace(
        options, **changed, everything=False, table=table or options.everything
    )
