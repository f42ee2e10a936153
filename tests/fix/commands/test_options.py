"""What is not asked for is not done: the options' defaults."""

from __future__ import annotations

from bpfdoctor.fix.commands.options import DID_NOT_TAKE, FixOptions


def test_nothing_is_consented_to_by_default_and_the_proof_is_made() -> None:
    options = FixOptions()
    assert (options.yes, options.dry_run) == (False, False)
    assert options.smoke
    assert (options.ids, options.proof) == ((), "")
    assert DID_NOT_TAKE == 4
