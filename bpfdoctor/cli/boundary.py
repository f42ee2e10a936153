"""The one place where an error becomes words and an exit status."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bpfdoctor import __version__
from bpfdoctor.cli.destinations import Destination, Destinations
from bpfdoctor.cli.stdout import Stdout
from bpfdoctor.cli.stopping import Stopped, end_commands, kill_commands, stop_on_signals
from bpfdoctor.cli.terminal import say
from bpfdoctor.errors import BpfDoctorError, UndeterminedError
from bpfdoctor.host.limits import shortage_of
from bpfdoctor.shell import BAR, command_line
from bpfdoctor.visible import page, visible

if TYPE_CHECKING:
    from bpfdoctor.host.redact import Redactor
    from bpfdoctor.report.documents import ErrorKind

USAGE = 2
"""Exit status of wrong usage or configuration."""
LIMITED = 3
"""Exit status when the machine ran out of something, time included, before it was looked at."""
CRASHED = 5.0
"""Seconds that threads get to clean up where bpfdoctor itself broke."""
BROKE = 5
"""Exit status when bpfdoctor itself broke."""


def guarded(arguments: Sequence[str]) -> int:
    """Run the command line; whatever happens ends in an exit status of the documented ones."""
    try:
        return _guarded(arguments)
    except Stopped as stopped:
        end_commands(stopped.deadline)
        return stopped.exit_status


def _guarded(arguments: Sequence[str]) -> int:
    destinations = Destinations(Stdout())
    try:
        stop_on_signals()
        status = run(arguments, destinations)
        return USAGE if _say_unwritten(destinations) else status
    except UndeterminedError as error:
        return _limited(error.message, error.hint, arguments, destinations)
    except BpfDoctorError as error:
        return _misused(error.message, error.hint, arguments, destinations)
    except click.ClickException as error:
        return _misused(error.format_message(), usage_hint(error), arguments, destinations)
    except (KeyboardInterrupt, click.Abort):
        return Stopped(2).exit_status
    except Exception as error:  # noqa: BLE001  (the boundary)
        end_commands(time.monotonic() + CRASHED)
        return _failed(error, arguments, destinations)


def run(arguments: Sequence[str], destinations: Destinations) -> int:
    """Run the command that the arguments name; its exit status."""
    from bpfdoctor.cli.app import app

    try:
        status = app.main(list(arguments), "bpfdoctor", standalone_mode=False, obj=destinations)
        kill_commands()  # that of a check which did not end within its time limit
    finally:
        destinations.stdout.finish()  # the shell's completion ends by SystemExit
    return int(status or 0)


def usage_hint(error: click.ClickException) -> str:
    """Which help says what is right."""
    context = getattr(error, "ctx", None)
    return f"see {context.command_path if context else 'bpfdoctor'} --help"


def _misused(message: str, hint: str, arguments: Sequence[str], destinations: Destinations) -> int:
    say_error(message, hint)
    _write_error("usage", message, hint, arguments, destinations)
    return USAGE


def _failed(error: Exception, arguments: Sequence[str], destinations: Destinations) -> int:
    short = shortage_of(error)
    if short is not None:
        return _limited(str(short), short.hint, arguments, destinations)
    return _broke(error, arguments, destinations)


def _limited(message: str, hint: str, arguments: Sequence[str], destinations: Destinations) -> int:
    """The machine could not be looked at, and nothing is known of it."""
    say_error(message, hint)
    _write_error("limit", message, hint, arguments, destinations)
    return LIMITED


def _broke(error: Exception, arguments: Sequence[str], destinations: Destinations) -> int:
    """Say all that whoever mends it will ask for."""
    hint = "please report it with the text on standard error"
    message = f"{type(error).__name__}: {error}"
    say(page(_about(error, arguments)))
    _write_error("internal", message, hint, arguments, destinations)
    return BROKE


def _about(error: Exception, arguments: Sequence[str]) -> Iterator[str]:
    import traceback

    yield "bpfdoctor: it broke; this is not about your machine. Please report it with this text:"
    yield ""
    yield f"{BAR}### bpfdoctor {__version__} broke: {type(error).__name__}"
    yield f"{BAR}arguments: {command_line(('bpfdoctor', *arguments))}"
    yield f"{BAR}Python {sys.version.split()[0]}, {_system()}"
    for line in visible(traceback.format_exc(), newlines=True).splitlines():
        yield f"{BAR}{line}"


def _system() -> str:
    import platform

    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _write_error(
    kind: ErrorKind,
    message: str,
    hint: str,
    arguments: Sequence[str],
    destinations: Destinations,
) -> None:
    """Write it in the place of the document that was asked for, in the formats that can."""
    from bpfdoctor.cli.formats import format_in
    from bpfdoctor.report.documents import ErrorDocument

    if not destinations.chosen:
        destinations.choose([Destination(format_in(arguments))])
    try:
        redactor = _redactor(arguments) if destinations.redacting else None
        destinations.write(ErrorDocument(kind, message, hint), redactor)
    except BpfDoctorError as error:
        say(f"bpfdoctor: {error.message}")
    _say_unwritten(destinations)


def _redactor(arguments: Sequence[str]) -> Redactor:
    """Hides what the message of an error holds of the paths that were typed."""
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.redact import Redactor

    words = (each.rpartition("=")[2] for each in arguments)
    return Redactor.of(Machine(), "", *(each for each in words if not each.startswith("-")))


def _say_unwritten(destinations: Destinations) -> bool:
    """Say which files there are not, behind the documents that are written; whether there are."""
    for error in destinations.unwritten:
        say(f"bpfdoctor: {error.message}")
    return bool(destinations.unwritten)


def say_error(message: str, hint: str) -> None:
    """Say a sentence, and below it what to do."""
    say(f"bpfdoctor: {message}")
    if hint:
        say(f"hint: {hint}")
