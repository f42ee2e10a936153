"""The end of a run: whether what was applied took, by the check that followed; its journal."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.fix.applying.applier import Applied
from bpfdoctor.fix.commands.options import Voice
from bpfdoctor.fix.journal.write import Finished, Journal
from bpfdoctor.model import Report, Status


def did_not_take(applied: Sequence[Applied], report: Report) -> str:
    """The step that failed, or that ended well while its finding fails still; empty if none did.

    Of several steps for one finding the last should have brought it: a refresh only prepares.
    """
    every = [done for each in applied for done in each.done]
    failing = {each.key for each in report.findings if each.status is Status.FAIL}
    for done in every:
        if done.result == "failed":
            return f"This step failed: {done.step.title}"
    for done in reversed(every):
        if done.result != "done" or set(done.step.why) & failing:
            return f"This was applied and did not take: {done.step.title}"
    return ""


def closed(journal: Journal, status: int, voice: Voice) -> int:
    """End a run's journal, and say what undo calls the run; the status is handed through."""
    journal.write(Finished(status))
    voice.say(f"To take it back: bpfdoctor undo {journal.run}")
    return status
