"""`bpfdoctor init` without its arguments: clone a project; `fix` then fills, repairs and proves."""

from __future__ import annotations

import os
from collections.abc import Callable

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.catalogue.packages import capability_of
from bpfdoctor.fix.commands.fix import Examine, run_fix
from bpfdoctor.fix.commands.gate import authorize
from bpfdoctor.fix.commands.options import DID_NOT_TAKE, FixOptions, Voice
from bpfdoctor.fix.commands.progress import applier_of
from bpfdoctor.fix.commands.render import plan_text
from bpfdoctor.fix.commands.run_result import closed
from bpfdoctor.fix.journal.write import Journal, state_directory
from bpfdoctor.fix.plan import Plan, Step, without_login
from bpfdoctor.fix.planning.packages import plan_packages
from bpfdoctor.fix.planning.submodule_steps import CAREFUL
from bpfdoctor.fix.planning.transaction import PACKAGES
from bpfdoctor.host.git.gitmodules import url_refused
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.tools.search import FindTool
from bpfdoctor.model import Report


def run_init(  # noqa: PLR0913, PLR0917  (as run_fix)
    directory: str,
    url: str,
    options: FixOptions,
    check: Examine,
    machine: Machine,
    voice: Voice,
    *,
    patience: Patience = Patience(),  # noqa: B008  (frozen)
    finish: Callable[[Report], None] = lambda report: None,
) -> int:
    """Clone `url` to `directory`, then `fix` there; `check` examines that directory.

    The exit status is that of `fix`; 1 where the clone was declined. Raises BpfDoctorError where
    something is in the way, or where the address is not one.
    """
    plan = _planned(directory, url, machine)
    applier = applier_of(machine, voice, patience)
    asked = not options.dry_run
    agreed = authorize(plan, options, applier.elevation, voice, whole=True) if asked else None
    if agreed is None:
        redactor = Redactor.of(machine, os.path.abspath(directory))
        voice.plan(plan, plan_text(plan), redactor, said=not options.dry_run)
        return 1
    home = machine.environ.get("HOME", "")
    journal = Journal.begin(state_directory(machine.environ), agreed, home)
    if not applier.apply(agreed, journal).took:
        return closed(journal, DID_NOT_TAKE, voice)
    return run_fix(
        options, check, machine, voice, patience=patience, finish=finish, journal=journal
    )


def _planned(directory: str, url: str, machine: Machine) -> Plan:
    host = LiveHost(Machine(machine.environ))
    try:
        return init_plan(directory, url, host)
    finally:
        host.close()


def init_plan(directory: str, url: str, host: Host) -> Plan:
    """git, where it is missing, and the clone; the submodules are for `fix`.

    Raises BpfDoctorError for an address or a place that will not do.
    """
    reason = url_refused(url) or ("" if url else "no address is given")
    if reason:
        raise BpfDoctorError(f"{without_login(url)!r} is not cloned: {reason}", "give --from URL")
    try:
        place = os.path.abspath(directory)
    except FileNotFoundError:
        hint = "name an absolute path, or change to another directory"
        raise BpfDoctorError("the working directory is not there any more", hint) from None
    if os.path.lexists(place) and (not os.path.isdir(place) or os.listdir(place)):
        raise BpfDoctorError(
            f"{place} exists already", "name a directory that does not, or use fix"
        )
    missing = isinstance(host.ask(FindTool("git")), NoAnswer)
    steps, manual = plan_packages({capability_of("git"): ("init",)} if missing else {}, host)
    clone = Step(
        id="clone",
        kind="submodule",
        title=without_login(f"clone {url}"),
        argv=("git", *CAREFUL, "clone", "--progress", "--", url, place),
        why=("init",),
        undo_text=f"remove {place} yourself, if nothing in it is yours",
        after=(PACKAGES,) if steps else (),
    )
    return Plan((*steps, clone), tuple(manual))
