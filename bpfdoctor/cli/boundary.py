"""The one place where an error becomes words and an exit status."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Literal

import click

from bpfdoctor import __version__
from bpfdoctor.cli.output import Output
from bpfdoctor.cli.stopping import Stopped, stop_on_signals, wait_for_threads
from bpfdoctor.errors import BpfDoctorError

USAGE = 2
"""Exit status of wrong usage or configuration."""
BROKE = 5
"""Exit status when bpfdoctor itself broke."""


def guarded(arguments: Sequence[str]) -> int:
    """Run the command line; whatever happens ends in an exit status of the documented ones."""
    output = Output()
    as_json = "--json" in arguments
    try:
        stop_on_signals()
        return run(arguments, output)
    except Stopped as stopped:
        wait_for_threads()
        return stopped.exit_status
    except BpfDoctorError as error:
        return _told(error.message, error.hint, output, as_json)
    except click.ClickException as error:
        return _told(error.format_message(), usage_hint(error), output, as_json)
    except (KeyboardInterrupt, click.Abort):
        return Stopped(2).exit_status
    except Exception as error:  # noqa: BLE001  (the boundary)
        return _broke(error, arguments, output, as_json)


def run(arguments: Sequence[str], output: Output) -> int:
    """Run the command that the arguments name; its exit status."""
    from bpfdoctor.cli.app import app

    try:
        status = app.main(list(arguments), "bpfdoctor", standalone_mode=False, obj=output)
    finally:
        output.finish()  # the shell's completion ends by SystemExit
    return int(status or 0)


def usage_hint(error: click.ClickException) -> str:
    """Which help says what is right."""
    context = getattr(error, "ctx", None)
    return f"see {context.command_path if context else 'bpfdoctor'} --help"


def _told(message: str, hint: str, output: Output, as_json: bool) -> int:
    _say(f"bpfdoctor: {message}" + (f"\n{hint}" if hint else ""))
    if as_json:
        _json_error(output, "usage", message, hint)
    return USAGE


def _broke(error: Exception, arguments: Sequence[str], output: Output, as_json: bool) -> int:
    """Everything that whoever mends it will ask for."""
    hint = "please report it with the text on standard error"
    message = f"{type(error).__name__}: {error}"
    _say(
        "bpfdoctor itself broke; this is not about your machine. Please report it with the "
        "text below.\n\n"
        f"### bpfdoctor {__version__} broke: {type(error).__name__}\n\n"
        f"* arguments: `{_shown(arguments)}`\n* Python {sys.version.split()[0]}\n"
        f"* {_system()}\n\n```text\n{traceback.format_exc()}```"
    )
    if as_json:
        _json_error(output, "internal", message, hint)
    return BROKE


def _shown(arguments: Sequence[str]) -> str:
    import shlex

    return shlex.join(("bpfdoctor", *arguments))


def _system() -> str:
    import platform

    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _json_error(
    output: Output, kind: Literal["usage", "internal"], message: str, hint: str
) -> None:
    from bpfdoctor.report.json import error_json

    output.write(error_json(kind, message, hint))


def _say(text: str) -> None:
    """On standard error, in an encoding that cannot fail."""
    safe = text.encode("utf-8", "backslashreplace").decode()
    click.echo(safe, err=True)
