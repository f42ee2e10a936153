"""What exactly to type, from the fixes of a finding."""

from __future__ import annotations

from msgspec.structs import replace

from bpfdoctor.model import ByHand, Fix, Install, Report, Run
from bpfdoctor.shell import command_line, quoted

NAME = "bpfdoctor"
"""The command's plain name, as checks write it in their fixes."""


def pasteable(report: Report, own_command: tuple[str, ...]) -> Report:
    """Write bpfdoctor's own commands as `own_command`: sudo's PATH is another one."""
    findings = tuple(
        replace(each, fixes=tuple(_called_by(fix, own_command) for fix in each.fixes))
        for each in report.findings
    )
    return replace(report, findings=findings)


def _called_by(fix: Fix, own_command: tuple[str, ...]) -> Fix:
    if isinstance(fix, Run) and fix.argv[:1] == (NAME,):
        return replace(fix, argv=(*own_command, *fix.argv[1:]))
    return fix


def commands(fix: Fix, *, as_root: bool) -> list[str]:
    """The lines to paste, `sudo` included where it takes root and the reader is not."""
    if isinstance(fix, ByHand) or not fix.argv:
        return []
    line = command_line(fix.argv)
    sudo = fix.privileged and not as_root
    if not isinstance(fix, Run):
        return [f"sudo {line}" if sudo else line]
    if fix.output:
        target = quoted(fix.output)
        line = f"{line} | sudo tee {target} > /dev/null" if sudo else f"{line} > {target}"
    elif sudo:
        line = f"sudo {line}"
    return [f"cd {quoted(fix.cwd)} && {line}" if fix.cwd else line]


def words(fix: Fix) -> str:
    """What to do in words, where a command does not say it all."""
    if isinstance(fix, Install) and not fix.argv:
        wanted = ", ".join(fix.packages or fix.capabilities)
        told = fix.text or "no package is known here"
        return f"install {wanted} ({told})"
    return fix.text
