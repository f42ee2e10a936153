"""A check that hangs, and whose child hangs too."""

import subprocess
import time
from pathlib import Path

from bpfdoctor.api import Context, Findings, check


@check("sample.hangs", title="hangs", limit=4)
def hangs(context: Context) -> Findings:
    """Hang."""
    child = subprocess.Popen(["sleep", "1000"])
    Path(__file__).with_name("pid").write_text(str(child.pid))
    while True:
        time.sleep(1)
