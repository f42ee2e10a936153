"""Run one check: what it returns is validated, and a crash is a finding of its own."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import msgspec

from bpfdoctor.api import Check, Context, Evidence, Finding, Status
from bpfdoctor.host.limits import shortage_of
from bpfdoctor.model import key_of


def findings_of(check: Check, context: Context) -> Iterator[Finding]:
    """What one check finds, under its id; a crash is one `error` finding with the traceback.

    Where the machine ran out of something (files, threads, memory), the finding is `unknown`.
    """
    try:
        yield from _validated(check, context)
    except Exception as error:  # noqa: BLE001  (the crash boundary)
        short = shortage_of(error)
        if short is not None:
            limits = tuple(Evidence(each.source, each.value) for each in short.limits)
            yield Finding(Status.UNKNOWN, str(short), id=check.id, evidence=limits)
            return
        seen = (Evidence(f"check {check.id}", traceback.format_exc()),)
        yield Finding(Status.ERROR, "the check itself broke", id=check.id, evidence=seen)


def _validated(check: Check, context: Context) -> list[Finding]:
    result = check.run(context) if check.applies(context.project) else None
    if result is None:
        return []
    found = [result] if isinstance(result, Finding) else list(result)
    for finding in found:
        if not isinstance(finding, Finding):
            raise TypeError(f"the check returned {type(finding).__name__}, not a Finding")
    keys = [key_of(check.id, finding.about) for finding in found]
    if len(set(keys)) != len(keys):
        raise ValueError(f"the check returned two findings of one key: {sorted(keys)}")
    return [msgspec.structs.replace(finding, id=check.id) for finding in found]
