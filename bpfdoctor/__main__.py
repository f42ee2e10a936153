"""`python -m bpfdoctor`."""

from bpfdoctor.cli import console

console()
