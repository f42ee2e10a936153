"""A check that returns what is no finding."""

from bpfdoctor.api import Context, Findings, check


@check("sample.nonsense", title="nonsense")
def nonsense(context: Context) -> Findings:
    """Return a number."""
    return 42
