"""Checks that claim time for themselves: too little, too much, and just as much as they may."""

from bpfdoctor.api import Context, Finding, check, passed


def find(context: Context) -> Finding:
    """Pass."""
    return passed("in time")


none, short, whole, most, more = (
    check(f"sample.limit-{number}", title="claims time", limit=limit)(find)
    for number, limit in enumerate((0, 0.5, 1, 300, 1000))
)
