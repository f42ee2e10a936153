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
            cwd="/guest",
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
    """Run all, and report each in a line of its own as it ends."""
    asked = json.loads(Path("/commands.json").read_text())
    with Path("/dev/ttyS1").open("wb", buffering=0) as port:
        for each in asked:
            result = json.dumps(run(each["argv"], each["seconds"])).encode()
            port.write(b"@@RESULT " + base64.b64encode(zlib.compress(result)) + b" @@END\n")


main()
