"""A check that says whether the user asked for a build."""

from bpfdoctor.api import Context, Findings, check, passed


@check("sample.may-build", title="whether programs of the checkout may run")
def may_build(context: Context) -> Findings:
    """What the context says of it."""
    programs = ", ".join(target.program for target in context.selection.targets)
    return passed(f"{'may build' if context.may_build else 'only looks'}: {programs}")
