"""In the guest: run each command of /commands.json and send what it did through the second port."""

from __future__ import annotations

import base64
import json
import subprocess
import zlib
from pathlib import Path


def run(argv: list[str], seconds: float) -> dict[str, object]:
    """One command; its status (None when time ran out) and output."""
    try:
        done = subprocess.run(
            argv,
            cwd="/work",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        return {"status": None, "stdout": str(late.stdout), "stderr": str(late.stderr)}
    return {
        "status": code,
        "stdout": out.decode("utf-8", "replace"),
        "stderr": err.decode("utf-8", "replace"),
    }


def main() -> None:
    """Run all, then report in one line."""
    asked = json.loads(Path("/commands.json").read_text())
    results = [run(each["argv"], each["seconds"]) for each in asked]
    line = base64.b64encode(zlib.compress(json.dumps(results).encode()))
    Path("/dev/ttyS1").write_bytes(b"@@RESULT " + line + b" @@END\n")


main()
