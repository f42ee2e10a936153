"""Lines pasted whole into a real shell, in an empty directory, with recorders for commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

COMMANDS = (
    *(
        "apk",
        "apt-get",
        "bash",
        "bpfdoctor",
        "bpftool",
        "cat",
        "cc",
        "chmod",
        "clang",
        "cp",
        "curl",
    ),
    *(
        "dnf",
        "dpkg",
        "emerge",
        "env",
        "gcc",
        "git",
        "grep",
        "head",
        "install",
        "ls",
        "make",
        "mkdir",
    ),
    *(
        "mount",
        "mv",
        "pacman",
        "python3",
        "reboot",
        "rm",
        "sed",
        "see",
        "sh",
        "stat",
        "sudo",
        "tee",
    ),
    *("touch", "umount", "wget", "xargs", "zypper", "minimal", "bootstrap", "pwned"),
)
"""What a line could start; `pwned` is what a hostile name starts."""
DRIVER = r"""
command_not_found_handle() { return 127; }
while IFS= read -r line; do
    ( eval "$line" ) </dev/null >/dev/null 2>&1
    status=$?
    if [ $status -ne 127 ] && ( eval "never() {
$line
}" ) </dev/null >/dev/null 2>&1; then printf 'did something: %s\n' "$line" >&3; fi
    for made in *; do
        if [ -e "$made" ]; then printf 'made %s: %s\n' "$made" "$line" >&3; exit; fi
    done
done
"""


class Shell(NamedTuple):
    """A directory of its own, and what was recorded beside it."""

    place: Path

    def paste(self, lines: Iterable[str]) -> list[str]:
        """Paste each line; the complaints: what was run, written, or done otherwise."""
        run = self._prepared()
        out = self.place / "out"
        with out.open("w") as complaints:
            descriptor = complaints.fileno()
            subprocess.run(
                ["/bin/bash", "--norc", "-c", f"exec 3>&{descriptor}\n{DRIVER}"],
                input="".join(f"{line}\n" for line in dict.fromkeys(lines)),
                text=True,
                check=False,
                cwd=run,
                env={"PATH": str(self.place / "bin"), "HOME": str(self.place)},
                pass_fds=[descriptor],
                timeout=300,
            )
        return [*out.read_text().splitlines(), *self.recorded()]

    def run(self, line: str, *shell: str) -> list[str]:
        """Run one line in this shell; what was started, and the files that were made."""
        run = self._prepared()
        argv = [*(shell or ("/bin/bash", "--norc")), "-c", line]
        environ = {"PATH": str(self.place / "bin"), "HOME": str(self.place)}
        subprocess.run(argv, check=False, cwd=run, env=environ, capture_output=True, timeout=60)
        return [*self.recorded(), *(f"made {name}" for name in sorted(os.listdir(run)))]

    def recorded(self) -> Sequence[str]:
        log = self.place / "log"
        return log.read_text().splitlines() if log.exists() else []

    def _prepared(self) -> Path:
        bin_, run, log = self.place / "bin", self.place / "empty", self.place / "log"
        log.unlink(missing_ok=True)
        if not bin_.exists():
            bin_.mkdir(parents=True)
            run.mkdir()
            recorder = self.place / "recorder"
            recorder.write_text(f'#!/bin/bash\necho "${{0##*/}} $*" >> {log}\n')
            recorder.chmod(0o755)
            for name in COMMANDS:
                (bin_ / name).symlink_to(recorder)
        return run
