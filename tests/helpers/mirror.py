"""Where this machine's own apt gets Debian from: no address stands in any of our files."""

from __future__ import annotations

import subprocess


def debian_mirror() -> str:
    """The address of this machine's own mirror of Debian, as apt knows it."""
    argv = ["apt-get", "indextargets", "--no-release-info"]  # also where the lists are stale
    argv += ["--format", "$(CREATED_BY) $(REPO_URI)"]
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    packages = [line.split()[1] for line in found if line.startswith("Packages ")]
    mirrors = [uri for uri in packages if "security" not in uri]
    assert mirrors, "apt knows no mirror of Debian on this machine"
    return mirrors[0]
