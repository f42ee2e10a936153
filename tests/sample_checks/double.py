"""A check whose id is taken."""

from bpfdoctor.api import Context, Findings, check, passed


@check("sample.kernel", title="the id of another")
def kernel(context: Context) -> Findings:
    """Pass, wrongly."""
    return passed("mine")
