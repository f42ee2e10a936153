"""The gate before any change: the plan is shown, consented to, and what is root's can be done.

`fix`, `init` and `undo` come through here; nobody else asks for consent, or whether root is to be
had.
"""

from __future__ import annotations

from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.commands.consent import consented, is_yes
from bpfdoctor.fix.commands.options import FixOptions, Voice
from bpfdoctor.fix.commands.render import HEADING, leave_to_root, plan_text
from bpfdoctor.fix.plan import Plan

PROVE = "Prove it as root, too ({command})? [y/N] "


def authorize(  # noqa: PLR0913  (what is shown, who is asked, who may become root)
    plan: Plan,
    options: FixOptions,
    elevation: Elevation,
    voice: Voice,
    *,
    heading: str = HEADING,
    note: str = "",
    whole: bool = False,
) -> Plan | None:
    """Show a plan, and return the part of it that may be done; None, with the reason said, if none.

    `heading` stands above the plan, `note` below it. `whole`: all of its steps, or none.
    """
    voice.say(plan_text(plan, heading, note))
    agreed = consented(plan, yes=options.yes, ask=voice.ask)
    if not agreed.steps or (whole and agreed.steps != plan.steps):
        voice.say("Nothing was done.")
        return None
    if agreed.privileged and elevation.prefix() is None:
        leave_to_root(agreed, elevation.refused, voice)
        return None
    return agreed


def authorize_proof(
    options: FixOptions, elevation: Elevation, voice: Voice, *, agreed: bool
) -> bool:
    """Whether the proof may be made as root; `agreed`: a plan that was consented to named it."""
    asked = options.yes or agreed or is_yes(voice.ask(PROVE.format(command=options.proof)))
    return asked and elevation.prefix() is not None
