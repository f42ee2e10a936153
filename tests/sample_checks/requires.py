"""A check that requires what does not exist."""

from bpfdoctor.api import Context, Findings, check, passed


@check("sample.requires", title="requires", requires=("sample.absent",))
def requires(context: Context) -> Findings:
    """Never run."""
    return passed("ran")
