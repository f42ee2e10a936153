"""What exactly to type, from the fixes of a finding."""

from __future__ import annotations

import shlex

from bpfdoctor.model import ByHand, Fix, Install, Run


def commands(fix: Fix, *, as_root: bool) -> list[str]:
    """The lines to paste, `sudo` included where it takes root and the reader is not."""
    if isinstance(fix, ByHand) or not fix.argv:
        return []
    line = shlex.join(fix.argv)
    sudo = fix.privileged and not as_root
    if not isinstance(fix, Run):
        return [f"sudo {line}" if sudo else line]
    if fix.output:
        target = shlex.quote(fix.output)
        line = f"{line} | sudo tee {target} > /dev/null" if sudo else f"{line} > {target}"
    elif sudo:
        line = f"sudo {line}"
    return [f"cd {shlex.quote(fix.cwd)} && {line}" if fix.cwd else line]


def words(fix: Fix) -> str:
    """What to do in words, where a command does not say it all."""
    if isinstance(fix, Install) and not fix.argv:
        wanted = ", ".join(fix.packages or fix.capabilities)
        told = fix.text or "no package is known here"
        return f"install {wanted} ({told})"
    return fix.text
