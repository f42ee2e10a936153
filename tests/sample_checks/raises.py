"""A check that raises."""

from bpfdoctor.api import Context, Findings, check


@check("sample.raises", title="raises")
def raises(context: Context) -> Findings:
    """Raise."""
    raise RuntimeError("a fault of theirs")
